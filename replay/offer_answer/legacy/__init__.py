"""Reads entries of schema 1 of SipMessageSeen, which have no verdict: works it out as the program of their time did.

Frozen: the rules of that time, with the table of that time, for they say what old histories mean. No rule is ever
changed here, and nothing but the fold uses it.
"""

from __future__ import annotations

from replay.offer_answer.legacy.call import see

__all__ = ["see"]
