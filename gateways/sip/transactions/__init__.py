"""Transactions (RFC 3261 17 as corrected by RFC 6026): the state machines, and the layer that runs them."""
