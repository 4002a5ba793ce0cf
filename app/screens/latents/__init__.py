"""Latents page: projections of the latent states of many puzzles."""
