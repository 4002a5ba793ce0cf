"""UI elements that several pages share: charts, downloads, progress and messages."""
