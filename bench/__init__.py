"""Benchmarks: `python -m bench` prints one JSON line per figure, beside its budget and the command that repeats it.

A figure is a time or a ratio that a person can hold against the machine in front of them. Figures of one topic are
measured in one process, one after the other; progress goes to stderr.
"""
