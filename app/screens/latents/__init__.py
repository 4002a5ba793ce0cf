"""Latents: the states of many puzzles, projected."""
