"""Agreement with the public code, on checkpoints that it saved (folder named by RECURSION_LENS_PARITY)."""
