"""Puzzle files: decompression, readers for text, tables, JSON and arrays, and the list of supported formats."""
