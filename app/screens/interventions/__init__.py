"""Interventions: a run beside the same run changed."""
