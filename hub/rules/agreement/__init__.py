"""Decides the state of agreements, and the take-over by an amendment (policy 5)."""
