"""Did quality drop? A candidate experiment against its baseline, and the report of it."""
