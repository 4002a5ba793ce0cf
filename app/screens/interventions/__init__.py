"""Interventions: a clean run next to an intervened run."""
