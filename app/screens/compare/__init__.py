"""Compare page: two models side by side."""
