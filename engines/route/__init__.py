"""The route engine: the user's own callables in place of a relay."""
