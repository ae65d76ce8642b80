"""Makes the hub's own objects: redactions, anonymised objects, notes."""
