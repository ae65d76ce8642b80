"""Submissions of a member: packed into POSTs, sent, and followed to the outcomes."""
