"""How long a test waits for what must happen.

It is a bound for what never happens, and long enough for a machine that has others to serve: a verdict
must not follow from how fast it is.
"""

PATIENCE_SECONDS = 900.0
