"""The HTTP server of a control node: what each path is for is in a table of routes."""
