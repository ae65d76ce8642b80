"""Agreements with their periods, and the configurations that were in force."""
