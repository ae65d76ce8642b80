"""What STIX 2.1 asks of an object, in sentences."""
