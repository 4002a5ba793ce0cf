"""A training run as an axis: what the checkpoints of a run solve, when they halt, and what their z contains.

figures   the result: figures of every snapshot, the best snapshot by one of them, files
measure   runs every snapshot on the same puzzles
"""
