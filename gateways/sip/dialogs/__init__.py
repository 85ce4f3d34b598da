"""Requests of our own within a dialog of others."""
