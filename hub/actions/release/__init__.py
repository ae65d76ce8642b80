"""Release decisions: loaded, taken for every nation, and written as rows."""
