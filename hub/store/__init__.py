"""REMEMBERS: the only room with SQLAlchemy. A function, a statement, model values back."""
