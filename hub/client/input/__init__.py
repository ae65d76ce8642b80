"""Files and texts in, objects out."""
