"""Who sees a version, in which form, and which rows follow (policy 3, 4, 6 and 7)."""
