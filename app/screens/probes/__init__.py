"""The Probes page."""
