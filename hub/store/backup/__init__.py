"""Copies of the database: made, compared, and put in its place."""
