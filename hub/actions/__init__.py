"""DOES: one file per act, which opens the transactions; its numbered steps stand in docstring and body."""
