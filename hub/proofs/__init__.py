"""PROVES: keys, signatures over requests and documents, tokens and cursors. Pure: no clock, no I/O.

Random bytes, nonces and `now` are arguments. The exceptions are inside the library: `keys.generate` and every
ECDSA signature use the random source of `cryptography`.
"""
