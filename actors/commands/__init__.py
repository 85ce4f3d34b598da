"""What can be asked of a call, as data: a door makes a command, and its handler (actors/flows/handlers.py) does it."""
