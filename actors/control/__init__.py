"""The control interface: the one way to ask about the whole, and to steer it. Doors and commands adapt it."""
