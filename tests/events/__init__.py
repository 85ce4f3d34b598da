"""Tests of events, their codec, and the journals."""
