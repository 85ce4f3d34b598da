"""Reading, making and changing SIP messages: no sockets, no state."""
