"""Linear probes: what can be read out of y and z, and whether it means anything."""
