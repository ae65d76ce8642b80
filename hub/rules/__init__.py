"""DECIDES: pure rules of the policy. No clock, file, network or random source; `now` is an argument.

Where to read first: `marking.levels` for the effective level, `release.deciding.clearance_for` for the
readers of a level (AMBER+STRICT: the national CERT alone), `release.deciding.decide` for agreements.
"""
