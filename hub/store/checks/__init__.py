"""What `hub check` reads."""
