"""Files and texts of a member in, STIX objects out."""
