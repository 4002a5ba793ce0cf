"""What is read out of the states of a run. One analysis a file; none of them draws."""
