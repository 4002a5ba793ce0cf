"""Inspect a checkpoint.

inspect      every value with its source, and a self-check on a few puzzles
expectation  interpret the scores, given scores at other n and T and published scores
state_use    whether the model uses y and z, or whether they only repeat the input token
"""
