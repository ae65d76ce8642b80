"""Submissions, and the versions of records with their content."""
