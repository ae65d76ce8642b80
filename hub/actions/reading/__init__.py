"""Polls, and the levels that a reader must expect."""
