"""Real peers for the tests: programs on loopback, each an async context manager that stops what it started."""
