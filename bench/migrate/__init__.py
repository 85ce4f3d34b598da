"""What moves of live calls cost in packets, from a node that is well and from a dead one: `python -m bench.migrate`."""
