"""Puzzle files: decompression, readers of text, tables, JSON and arrays, and the list of supported formats."""
