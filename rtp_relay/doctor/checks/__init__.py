"""From facts to findings: pure functions, an area each."""
