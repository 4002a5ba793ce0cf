"""Attribution of an answer to cells of the puzzle: gradients, attention and position-mixing weights."""
