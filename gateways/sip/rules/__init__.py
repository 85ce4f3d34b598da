"""The routing rules of RFC 3261 that the proxy and our own requests share: no sockets, no state."""
