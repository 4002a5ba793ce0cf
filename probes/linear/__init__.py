"""Linear probes: what can be decoded linearly from y and z, with baselines and causal tests."""
