"""Capturing for Homer and the like: what goes through the doors and what is journalled, as HEPv3 packets."""
