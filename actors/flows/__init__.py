"""The flows: what is done for each kind of command, step by step, and the decisions they make on the way."""
