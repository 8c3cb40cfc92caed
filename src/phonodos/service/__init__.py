"""Predictions over HTTP: one process that answers, workers that predict, and the page."""
