"""What several pages draw with: charts, downloads, progress, messages."""
