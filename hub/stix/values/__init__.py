"""Single values of STIX 2.1: ids, hashes, languages, patterns and addresses."""
