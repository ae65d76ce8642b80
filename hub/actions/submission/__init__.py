"""What members submit and delete, and what became of it."""
