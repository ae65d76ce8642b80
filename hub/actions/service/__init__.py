"""The open hub of a process: store, registry, secrets and caches."""
