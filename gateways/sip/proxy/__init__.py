"""A stateful proxy (RFC 3261 16)."""
