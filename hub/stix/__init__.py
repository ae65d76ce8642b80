"""UNDERSTANDS: JSON text becomes STIX 2.1 objects, with the facts needed by the rules.

Pure: no clock, network or random source; the packaged OASIS schemas are read once at import. The STIX
libraries and their schemas are used in this package only.
"""
