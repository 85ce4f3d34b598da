"""MediaProxy's dispatcher: its commands and replies, and ng requests said in them."""
