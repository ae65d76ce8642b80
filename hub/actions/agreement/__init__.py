"""Agreements: signed, simulated, amended; and a lost agreement key replaced."""
