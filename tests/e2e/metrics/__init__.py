"""The HTTP server of a real service: health and metrics."""
