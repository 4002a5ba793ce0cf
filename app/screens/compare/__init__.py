"""Compare: two models side by side."""
