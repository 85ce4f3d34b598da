"""Programs that have the kernel give each datagram to the worker that serves its call, so that none hands it over.

They find the call in the bytes of a usual message as `gateways.handoff.calls` does, and its worker as
`gateways.handoff.sharing` does. What they do not see (a message of another form, a call-id that comes late) goes to
any worker that lives, which hands it over. So nothing but speed depends on them.
"""
