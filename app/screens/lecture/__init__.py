"""The lecture: the recursion taught in scenes. What is shown and said is data (assets/lecture), drawn in the browser."""
