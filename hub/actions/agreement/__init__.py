"""Agreements: signed, simulated and amended; the replacement of a lost agreement key."""
