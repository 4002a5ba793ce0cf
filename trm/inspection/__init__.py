"""What a checkpoint is and does.

inspect      every value with the place it is from, and a self-check on a few puzzles
expectation  what its scores say, beside those of other n and T and those that were published
state_use    whether the model uses y and z, or carries its input token only
"""
