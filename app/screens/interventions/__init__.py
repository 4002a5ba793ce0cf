"""Interventions: a clean run beside an intervened run."""
