"""Explanations of decisions, disclosures of an object, and notices of recalls."""
