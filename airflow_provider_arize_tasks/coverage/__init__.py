"""What of a range of time a task has evaluated: read from the API, and shown in a terminal."""
