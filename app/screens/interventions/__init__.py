"""Interventions page: a clean run beside an intervened run."""
