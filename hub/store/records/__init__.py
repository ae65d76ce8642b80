"""Submissions, and the versions and contents of records."""
