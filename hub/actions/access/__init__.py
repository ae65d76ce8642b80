"""Access of members: tokens, signatures, nonces and rate limits."""
