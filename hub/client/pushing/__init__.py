"""Submissions: packed, sent, and what became of them."""
