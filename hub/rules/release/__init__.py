"""Decides the readers, the forms and the ledger rows of a version (policy 3, 4, 6 and 7).

`deciding.clearance_for` keeps AMBER+STRICT and RED with the national CERT. `deciding.decide` asks this
function for every release, at home and abroad. Every other module asks this function too.
"""
