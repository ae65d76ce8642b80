"""Submissions and deletions of members, with their receipts."""
