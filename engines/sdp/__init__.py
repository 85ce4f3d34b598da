"""Session descriptions (RFC 8866) read and changed in place, every other byte left as it is."""
