"""Trajectories of latent states, their statistics, and their PCA and UMAP projections."""
