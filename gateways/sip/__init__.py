"""The SIP door: a record-routing, forking proxy that has a routing script, and takes care of its calls' relays."""
