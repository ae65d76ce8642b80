"""Who asks: tokens, signatures, nonces and rate limits."""
