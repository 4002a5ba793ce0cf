"""Grid cells as shapes, one module per type of grid."""
