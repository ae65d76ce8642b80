"""Signed requests of a member, and the hub's answers."""
