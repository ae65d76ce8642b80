"""Agreements: read, verified and signed with a nation's own key."""
