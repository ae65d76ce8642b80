"""The states of agreements, and how an amendment takes over (policy 5)."""
