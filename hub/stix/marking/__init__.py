"""What an object says of its level, what it refers to, and the words in its texts."""
