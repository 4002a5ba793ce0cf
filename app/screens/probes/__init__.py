"""Probes page: linear probes of z and y."""
