"""Predictions for many crystals: read, compute on many cores, keep every row, look at the rows."""
