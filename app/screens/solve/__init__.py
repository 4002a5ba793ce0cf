"""The Solve page: one model solves one puzzle, step by step in the player."""

PAPERS = {"TRM": "https://arxiv.org/abs/2510.04871", "HRM": "https://arxiv.org/abs/2506.21734"}
