"""Linear probes of y and z, their baselines, and causal tests of what they decode."""
