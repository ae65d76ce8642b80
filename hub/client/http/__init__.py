"""Requests, signed, and their answers."""
