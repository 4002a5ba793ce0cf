"""Where states go: trajectories, their statistics, and projections by PCA and UMAP."""
