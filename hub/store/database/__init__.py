"""Access to SQLite and PostgreSQL: connections, commits, epochs, and the causes of errors."""
