"""Which ended calls are wanted."""

from __future__ import annotations

from dataclasses import fields

from events.ended import EndedCall, Outcome
from events.values import value


@value(kw_only=True)
class Wanted:
    """What a call has to have: all that is given here; "" and 0 leave it open.

    by: the control node that wrote last of it, or the service of which that is a worker. party: in the URI of the
    caller or the callee. tag: of one of the parties. failure, text: in what went wrong, or in anything that is known of
    the call. Parts of texts are found in upper and lower case. branches, moves: at least. one_way: heard from one side
    only. mos_below: in tenths. loss_above: per mille of the packets.
    """

    node: str = ""
    set: str = ""
    engine: str = ""
    by: str = ""
    party: str = ""
    tag: str = ""
    outcome: Outcome | None = None
    failure: str = ""
    branches: int = 0
    moves: int = 0
    one_way: bool = False
    mos_below: int = 0
    loss_above: int | None = None
    text: str = ""

    def takes(self, call: EndedCall) -> bool:
        """Return whether the call has all of it."""
        return (
            self.node in ("", *call.nodes)
            and self.set in ("", *call.sets)
            and self.engine in ("", *call.engines)
            and is_by(self.by, call.by)
            and self.tag in ("", *call.tags)
            and self.outcome in (None, call.outcome)
            and call.branches >= self.branches
            and call.moves >= self.moves
            and self._takes_media(call)
            and (not self.party or _is_in(self.party, call.caller, call.callee))
            and (not self.failure or _is_in(self.failure, call.failure))
            and (not self.text or _is_in(self.text, *_texts(call)))
        )

    def _takes_media(self, call: EndedCall) -> bool:
        badly = self.loss_above is None or call.lost * 1000 > self.loss_above * (call.packets + call.lost)
        return badly and (call.one_way or not self.one_way) and (not self.mos_below or 0 < call.mos < self.mos_below)


def is_by(wanted: str, name: str) -> bool:
    """Return whether a control node, or the service whose worker it is, has this name; "" is that of each."""
    return wanted in ("", name, name.partition("/")[0])


def has_party(party: str, uri: str) -> bool:
    """Return whether a party, as SIP messages named it, has this very URI; its parameters and cases do not matter.

    The URI may be without its scheme.
    """
    address = party.rpartition("<")[2].partition(">")[0].partition(";")[0].strip().casefold()
    wanted = uri.partition(";")[0].strip().casefold()
    return bool(wanted) and wanted in (address, address.partition(":")[2])


def _is_in(part: str, *texts: str) -> bool:
    wanted = part.casefold()
    return any(wanted in text.casefold() for text in texts)


def _texts(call: EndedCall) -> list[str]:
    told = [getattr(call, field.name) for field in fields(call)]
    return [text for one in told for text in (one if isinstance(one, tuple) else (one,)) if isinstance(text, str)]
