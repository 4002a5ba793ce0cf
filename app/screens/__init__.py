"""The pages of the app, one folder per page."""
