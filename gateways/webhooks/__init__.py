"""Webhooks: what happens to calls, told to others by HTTP requests that they can check."""
