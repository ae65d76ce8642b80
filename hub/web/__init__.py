"""SPEAKS HTTP: requests into calls of `actions`, what they give into responses. It decides nothing.

The only room with Flask, medallion and gunicorn.
"""
