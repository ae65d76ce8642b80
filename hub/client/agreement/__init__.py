"""Agreements as their signer reads, verifies and signs them."""
