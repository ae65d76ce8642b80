"""What a marking says, and the effective level that follows (policy 2)."""
