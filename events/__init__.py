"""What happens to the media of a call, as events in an append-only stream of that call."""
