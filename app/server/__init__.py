"""What the server does for everybody: options, models that are open, runs and jobs behind the pages."""
