"""Tests of the actors and of the runtime they live in."""
