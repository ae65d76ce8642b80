"""UNDERSTANDS: JSON text into STIX 2.1 objects with what the rules need to know of each.

Pure: no clock, network or random source; the packaged OASIS schemas are read once at import. The only
room with the STIX libraries and their schemas.
"""
