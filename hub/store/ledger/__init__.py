"""Each nation's ledger: rows, pages, disclosures, recalls and histories."""
