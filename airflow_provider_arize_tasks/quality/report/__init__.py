"""What a check of an experiment shows: a table for the task log, and a self-contained HTML page."""
