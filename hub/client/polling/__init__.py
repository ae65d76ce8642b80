"""Polls: pages of a collection, and continued polls that lose and repeat nothing."""
