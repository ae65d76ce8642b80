"""DOES: one file for each action; an action opens the transactions and has numbered steps."""
