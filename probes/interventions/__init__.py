"""Interventions: states changed during a run, and what that does to the answer."""
