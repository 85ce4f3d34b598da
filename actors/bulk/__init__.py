"""Bulk moves: jobs that move many calls, each carried out by one control node at a time."""
