"""What is done for the calls of a node that is down, and on its return."""
