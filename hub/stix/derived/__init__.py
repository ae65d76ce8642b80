"""The objects that the hub makes: redactions, anonymised objects, notes."""
