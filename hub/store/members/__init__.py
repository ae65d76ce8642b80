"""Members, tokens, keys and rate limits."""
