"""Agreements with periods, and the configurations in force."""
