"""Traces: a span for each step of a request, from the door to the journal and the relay."""
