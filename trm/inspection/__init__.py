"""Inspect a checkpoint.

inspect      every value with its source, and a self-check on a few puzzles
expectation  interpret the scores, given those at other n and T and the published ones
state_use    whether the model uses y and z, or only repeats its input token in them
"""
