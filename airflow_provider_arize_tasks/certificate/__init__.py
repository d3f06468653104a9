"""Asking a real server what this provider and its emulator assume of it."""
