"""Latents: projections of the states of many puzzles."""
