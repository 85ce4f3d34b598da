"""Calls that are left alone, what the journal says of them, and how their sessions go."""
