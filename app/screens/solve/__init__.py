"""The Solve page: one model solves one puzzle, step by step in the player."""
