"""UI elements shared by several pages: charts, downloads, progress, messages."""
