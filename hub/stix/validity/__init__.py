"""Checks objects against STIX 2.1 and explains each fault in a sentence."""
