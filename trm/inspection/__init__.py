"""Inspect a checkpoint.

inspect      list every value with its source, and run a self-check on a few puzzles
expectation  interpret the scores by comparison with other n and T and with published scores
flops        count the operations of a net call
state_use    measure whether the model uses y and z, or whether they only repeat the input token
"""
