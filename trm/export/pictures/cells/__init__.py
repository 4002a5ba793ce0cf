"""Cells of a grid as shapes, one module per kind of grid."""
