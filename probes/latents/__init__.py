"""Trajectories of states, their statistics, and PCA and UMAP projections."""
