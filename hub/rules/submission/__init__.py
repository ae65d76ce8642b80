"""Decides the acceptance of objects, and markings taken over from other members (policy 2.7 and 8)."""
