"""The routing script: its events, its view of messages, branches and calls."""
