"""REMEMBERS: the only package with SQLAlchemy. A function is a statement, and returns model values."""

# Imported so that the metadata knows these tables too.
from hub.store.schema import allowance_tables as allowance_tables
from hub.store.schema import configuration_tables as configuration_tables
from hub.store.schema import disclosure_tables as disclosure_tables
from hub.store.schema import recall_tables as recall_tables
from hub.store.schema import registration_tables as registration_tables
from hub.store.schema import rendition_tables as rendition_tables
