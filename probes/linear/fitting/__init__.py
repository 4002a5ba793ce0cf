"""Fits many linear probes at once, in blocks that need little memory."""
