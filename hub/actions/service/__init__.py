"""What a process of the hub has open: store, registry, secrets, and what it keeps between requests."""
