"""The sidebar: model, puzzle, puzzle set."""
