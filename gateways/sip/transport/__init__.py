"""Sockets for SIP: UDP, TCP and TLS, and how a URI becomes an address (RFC 3261 18, RFC 3263)."""
