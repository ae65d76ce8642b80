"""REMEMBERS: the only room with SQLAlchemy. A function, a statement, model values back."""

# Whoever asks the metadata for every table is to be told of these too.
from hub.store.schema import allowance_tables as allowance_tables
from hub.store.schema import configuration_tables as configuration_tables
from hub.store.schema import disclosure_tables as disclosure_tables
from hub.store.schema import recall_tables as recall_tables
from hub.store.schema import registration_tables as registration_tables
from hub.store.schema import rendition_tables as rendition_tables
