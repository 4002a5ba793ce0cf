"""Interventions: change states during a run and measure the effect on the answer."""
