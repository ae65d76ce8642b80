"""Polls, and the TLP levels of a reader's collections."""
