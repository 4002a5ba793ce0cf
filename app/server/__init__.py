"""Server-side objects that all sessions share: options, open models, runs and background jobs."""
