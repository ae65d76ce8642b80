"""The doors to SQLite and PostgreSQL: connections, commits, epochs, and the causes of troubles."""
