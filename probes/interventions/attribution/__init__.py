"""Attribution of an answer: gradients, attention, and position-mixing weights."""
