"""The embedded Redis and relays: processes of our own for those who have none."""
