"""Other code of the same computations, to compare our times with: the paper's pseudo-code and the public forward pass."""
