"""Cells of a grid as primitives, one module a way of drawing them."""
