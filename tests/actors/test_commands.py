"""Commands are data: each has one handler, and goes unchanged wherever it is sent, to another process as well."""

from __future__ import annotations

import importlib
import pickle
import pkgutil
from dataclasses import fields
from typing import Any

import pytest

import actors.commands
from actors.commands.command import CallCommand
from actors.commands.copies import AnswerCopy, DeleteCopy, OfferCopy
from actors.commands.media import Answer, Delete, DeleteBySettings, Offer, PassThrough, SdpBySettings
from actors.commands.reading import LocateCall, ReadCall
from actors.commands.recovery import EndSilentSession, EndVanishedSession, ProcessDue
from actors.commands.relay import EndRelay, EstablishBranch, FailBranch, RelaySdp
from actors.commands.settings import ChangeSettings
from actors.commands.sip import (
    EndCall,
    EndDialog,
    EndEarlyDialogs,
    EndUnanswered,
    ObserveSipMessage,
    PartyFacts,
    SendRequest,
)
from actors.flows.handlers import HANDLERS
from actors.sip_requests import WantedRequest
from engines.request import NodeRequest
from events.names import BranchId, CallId, Leg, RelayId, Tag
from events.verb import Verb
from replay.offer_answer import SipMessage
from replay.settings_changes import ChangeContextSettings, ChangeLegSettings, EngageRelay, SetCallVariable
from replay.sip_dialogs import Party

PLACE = actors.commands.__path__
CHANGES = (
    EngageRelay(engine="rtpengine", set="default"),
    ChangeLegSettings(leg=Leg("caller"), values={"flags": "x"}, body=b"v=0"),
    ChangeContextSettings(values={"flags": "x"}),
    SetCallVariable(variable="v", value="1"),
)
INVITE = SipMessage("INVITE", True, 1, branch=BranchId("br0"), from_tag=Tag("a"), sdp=b"v=0")
BYE = SipMessage("BYE", True, 2, from_tag=Tag("a"), to_tag=Tag("b"))
RELAYED = RelaySdp(
    call_id=CallId("c"), verb=Verb.OFFER, leg=Leg("caller"), branch=BranchId("br0"), from_tag=Tag("a"), sdp=b"v=0"
)
COMMANDS: list[CallCommand[Any]] = [
    ObserveSipMessage(
        call_id=CallId("c"),
        message=INVITE,
        at=1,
        changes=CHANGES,
        party=PartyFacts(Leg("caller"), Tag("a"), Party("<sip:a@b>")),
    ),
    ObserveSipMessage(call_id=CallId("c"), message=BYE, at=1, waits=True),
    SendRequest(call_id=CallId("c"), request=WantedRequest(Leg("callee"), Tag("b"), "INFO", headers=(("X", "1"),))),
    EndCall(call_id=CallId("c"), reason="a wish"),
    EndDialog(call_id=CallId("c"), callee_tag=Tag("b"), reason="a wish"),
    EndEarlyDialogs(call_id=CallId("c"), callers_tag=Tag("a"), cseq=1, reason="cancelled"),
    EndUnanswered(call_id=CallId("c"), callers_tag=Tag("a"), reason="cancelled", at=1),
    ChangeSettings(call_id=CallId("c"), changes=CHANGES),
    RELAYED,
    EstablishBranch(call_id=CallId("c"), branch=BranchId("br0"), callers_tag=Tag("a"), callees_tag=Tag("b"), at=1),
    FailBranch(call_id=CallId("c"), branch=BranchId("br0"), callers_tag=Tag("a"), reason="busy", at=1),
    EndRelay(call_id=CallId("c"), reason="a wish", at=1),
    OfferCopy(call_id=CallId("c"), name="recorder", legs=(Leg.CALLER,), streams=(1,)),
    AnswerCopy(call_id=CallId("c"), name="recorder", sdp=b"v=0"),
    DeleteCopy(call_id=CallId("c"), name="recorder", reason="a wish"),
    EndSilentSession(call_id=CallId("c"), branch=BranchId("br0"), ends_call=True, at=1),
    EndVanishedSession(call_id=CallId("c"), relay_id=RelayId("c#2"), ends_call=True, at=1),
    Offer(
        call_id=CallId("c"),
        from_tag=Tag("a"),
        branch=BranchId("br0"),
        request=NodeRequest({b"sdp": b"v=0"}),
        received_at=1,
    ),
    Answer(
        call_id=CallId("c"),
        from_tag=Tag("a"),
        to_tag=Tag("b"),
        request=SdpBySettings(RELAYED, "tcp:a:1"),
        received_at=1,
    ),
    Delete(call_id=CallId("c"), from_tag=Tag("a"), request=DeleteBySettings(from_tag=Tag("a")), received_at=1),
    PassThrough(call_id=CallId("c"), verb=Verb.QUERY, request=NodeRequest({}), received_at=1),
    ProcessDue(call_id=CallId("c")),
    ReadCall(call_id=CallId("c")),
    LocateCall(call_id=CallId("c")),
]


def command_types() -> set[type[CallCommand[Any]]]:
    """Give all classes of commands, without those that others are made of."""
    modules = [importlib.import_module(f"actors.commands.{one.name}") for one in pkgutil.iter_modules(PLACE)]
    types = {one for module in modules for one in vars(module).values() if isinstance(one, type)}
    commands = {one for one in types if issubclass(one, CallCommand)}
    return {one for one in commands if not any(issubclass(other, one) for other in commands - {one})}


def test_each_command_has_a_handler_and_each_handler_a_command() -> None:
    assert command_types() == set(HANDLERS)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
def test_a_command_is_the_same_after_a_journey(command: CallCommand[Any]) -> None:
    arrived = pickle.loads(pickle.dumps(command))
    assert arrived == command
    assert (arrived.serial_key, arrived.opens_call) == (command.serial_key, command.opens_call)
    assert not any(callable(getattr(command, field.name)) for field in fields(command))


def test_what_a_command_waits_for() -> None:
    keys = {type(command).__name__: command.serial_key for command in COMMANDS[1:]}
    waits_for_all = {name for name, key in keys.items() if key is None}
    assert waits_for_all == {
        "ObserveSipMessage",  # a BYE
        "Delete",  # of no branch
        "EndCall",
        "EndDialog",
        "EndEarlyDialogs",
        "EndUnanswered",
        "EndRelay",
        "EndSilentSession",
        "EndVanishedSession",
    }
    assert COMMANDS[0].serial_key == keys["RelaySdp"] == keys["Offer"] == "br0"
    assert [type(command).__name__ for command in COMMANDS if command.opens_call] == ["ObserveSipMessage", "Offer"]
    assert {type(command).__name__ for command in COMMANDS if command.runs_beside} == {"SendRequest", "LocateCall"}
