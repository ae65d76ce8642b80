"""DOES: one file per act. An act opens the transactions; the numbered steps stand in its docstring and body."""
