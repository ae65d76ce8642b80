"""The HTTP interface: requests into calls of `actions`, results into responses. Nothing is decided here.

The only package with Flask, medallion and gunicorn.
"""
