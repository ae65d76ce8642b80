"""The reads of `hub check`."""
