"""Drawing shared by several pages: charts, downloads, progress, messages."""
