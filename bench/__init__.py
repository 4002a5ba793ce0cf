"""Benchmarks. `python -m bench` prints one JSON line per figure, with its budget and the command that reproduces it.

A figure is a time, a rate or a ratio measured on this machine. One process measures all figures of a topic in turn.
Progress goes to stderr.
"""
