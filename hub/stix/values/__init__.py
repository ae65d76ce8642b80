"""Checks single values of STIX 2.1: hashes, languages, patterns and addresses."""
