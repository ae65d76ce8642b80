"""Decides the effective marking of a version by markings, containers and defaults (policy 2).

The level decided here reaches readers by `hub.rules.release.deciding.clearance_for`, which keeps AMBER+STRICT
with the national CERT.
"""
