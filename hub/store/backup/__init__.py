"""Copies of the database: made, compared, and restored."""
