"""Real calls through the SIP door, with real relays and real media."""
