"""Comparison of two models on one puzzle set: accuracy, convergence, CKA, dimensionality, cost."""
