"""Every table, how values are kept in columns, and the versions of the schema."""
