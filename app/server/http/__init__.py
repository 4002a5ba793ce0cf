"""What the server offers over plain HTTP beside the pages: growing runs, progress, and rooms of a lecture."""
