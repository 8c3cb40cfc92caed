"""Predictions in the shapes that workflow engines want: documents, calculators, makers of jobs."""
