"""Relay engines: per kind a sans-IO protocol, and the choice of a node."""
