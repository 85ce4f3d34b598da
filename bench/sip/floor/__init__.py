"""The floor of the SIP bench: a process that is woken as the door is, call by call, and does nothing else.

Each call takes the datagrams, the journal's round trips and the relay's commands that it takes of the door, of the same
sizes, in the same order, each waiting for what it waits for there. There are no transactions, no timers, no call in
memory, and nothing that comes is looked at but for what is cut from it: what is left is what sockets, the event loop
and its callbacks take. Whatever a door in this runtime does that journals as often, it takes at least that.
"""
