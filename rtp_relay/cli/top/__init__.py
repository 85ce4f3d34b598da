"""`rtp-relay top`: relays and calls live in a terminal.

`view.py` is what is looked at and what keys do to it, `screen.py` draws it, both as pure functions; `gathering.py` asks
for what there is to see, `rates.py` counts what happens; `command.py` is the loop with the terminal.
"""
