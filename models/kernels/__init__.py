"""Exact shortcuts for SVMs: shared kernel matrices, grid search and prediction."""
