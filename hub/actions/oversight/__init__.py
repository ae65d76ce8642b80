"""Why a nation sees an object or does not, who fetched it, and who is told of its recall."""
