"""What the operator asks for, and what the hub does by itself."""
