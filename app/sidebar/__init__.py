"""The sidebar: which model, which puzzle, which set of puzzles."""
