"""Reads the markings, the references and the words of an object."""
