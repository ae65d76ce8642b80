"""Who sees a version: decisions are loaded, taken for every nation, and written as rows."""
