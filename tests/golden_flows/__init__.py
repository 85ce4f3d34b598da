"""Call flows as SIP has them, against real relays: what goes over the wire, and that nothing is left."""
