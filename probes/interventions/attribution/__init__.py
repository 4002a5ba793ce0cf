"""Attribution of an answer: gradients, attention, and the weights that mix positions."""
