"""Runs in a notebook: the objects behind `trm.run`, the player as an output, and the player as a widget."""
