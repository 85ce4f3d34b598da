"""Collecting facts: what reads sockets, files and clocks, and judges nothing."""
