"""What is accepted, and what it takes over from others (policy 2.7 and 8)."""
