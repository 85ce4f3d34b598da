"""Ended calls in files: they are read long after the journal has forgotten them, or elsewhere."""
