"""What one person chose, and the links that say it."""
