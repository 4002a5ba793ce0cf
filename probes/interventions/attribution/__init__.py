"""What an answer is due to: gradients, attention, the weights that mix positions."""
