"""What all sessions share on the server: options, open models, runs and background jobs."""
