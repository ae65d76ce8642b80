"""Members, their tokens and keys, and what is left of their rate limits."""
