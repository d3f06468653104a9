"""What a check of an experiment shows: a table for logs and terminals, a page, Markdown and JSON."""
