"""Commands of the operator, and background work of the hub."""
