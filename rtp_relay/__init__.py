"""rtp-relay: the RTP relays of a SIP platform behind one door, every call an actor, every step in its stream.

The names below are the Python API (docs/python-api.md). Each is imported when it is first used: the command line, which
imports this package too, does not wait for what it does not need.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from rtp_relay.compiled import code_in_use
from rtp_relay.parts import have_parts_found

if TYPE_CHECKING:
    from actors.control.control import Control
    from actors.control.steering import NodeRefusal, NodeRefusalCode, Wish
    from actors.results import Moved
    from engines.health import AdminState, NodeState
    from engines.route.parameters import AnswerParameters, DeleteParameters, OfferParameters
    from engines.route.routes import Routes
    from engines.sets import NodeSpec
    from events.journal import CorruptEntry, JournalError
    from events.names import BranchId, CallId, Leg, Tag
    from events.records import CallFilter, LiveCall, Recorded
    from replay.history.describe import facts
    from replay.offer_answer import REFUSE_WITH, Change, Fault, Role, SipMessage
    from replay.relay_settings import CALLEE, CALLER
    from replay.state import CallState
    from rtp_relay.api.call import RelayCall
    from rtp_relay.api.errors import (
        BadValue,
        LateEngage,
        NotEngaged,
        NotMoved,
        Overloaded,
        Refused,
        RelayError,
        UnknownCall,
    )
    from rtp_relay.api.observed import Observed
    from rtp_relay.api.system import RelaySystem, open_relay
    from rtp_relay.api.variables import ContextVariables, LegVariables, branch_name
    from rtp_relay.assembly.errors import StartError
    from rtp_relay.config import Config, ConfigError

__version__ = "0.1.0"

code_in_use()  # before anything imports a module that may be there compiled
have_parts_found()

__all__ = [
    "CALLEE",
    "CALLER",
    "REFUSE_WITH",
    "AdminState",
    "AnswerParameters",
    "BadValue",
    "BranchId",
    "CallFilter",
    "CallId",
    "CallState",
    "Change",
    "Config",
    "ConfigError",
    "ContextVariables",
    "Control",
    "CorruptEntry",
    "DeleteParameters",
    "Fault",
    "JournalError",
    "LateEngage",
    "Leg",
    "LegVariables",
    "LiveCall",
    "Moved",
    "NodeRefusal",
    "NodeRefusalCode",
    "NodeSpec",
    "NodeState",
    "NotEngaged",
    "NotMoved",
    "Observed",
    "OfferParameters",
    "Overloaded",
    "Recorded",
    "Refused",
    "RelayCall",
    "RelayError",
    "RelaySystem",
    "Role",
    "Routes",
    "SipMessage",
    "StartError",
    "Tag",
    "UnknownCall",
    "Wish",
    "branch_name",
    "facts",
    "open_relay",
]

_NAMES = {
    "rtp_relay.engines.route.parameters": ("AnswerParameters", "DeleteParameters", "OfferParameters"),
    "rtp_relay.engines.route.routes": ("Routes",),
    "rtp_relay.events.names": ("BranchId", "CallId", "Leg", "Tag"),
    "rtp_relay.events.journal": ("CallFilter", "CorruptEntry", "JournalError", "LiveCall", "Recorded"),
    "rtp_relay.replay.offer_answer": ("REFUSE_WITH", "Change", "Fault", "Role", "SipMessage"),
    "rtp_relay.replay.relay_settings": ("CALLEE", "CALLER"),
    "rtp_relay.replay.state": ("CallState",),
    "rtp_relay.replay.history.describe": ("facts",),
    "rtp_relay.api.call": ("RelayCall",),
    "rtp_relay.api.observed": ("Observed",),
    "rtp_relay.api.errors": (
        "BadValue",
        "LateEngage",
        "NotEngaged",
        "NotMoved",
        "Overloaded",
        "Refused",
        "RelayError",
        "UnknownCall",
    ),
    "rtp_relay.actors.control.control": ("Control",),
    "rtp_relay.actors.control.steering": ("NodeRefusal", "NodeRefusalCode", "Wish"),
    "rtp_relay.actors.results": ("Moved",),
    "rtp_relay.engines.health": ("AdminState", "NodeState"),
    "rtp_relay.engines.sets": ("NodeSpec",),
    "rtp_relay.api.system": ("RelaySystem", "open_relay"),
    "rtp_relay.api.variables": ("ContextVariables", "LegVariables", "branch_name"),
    "rtp_relay.assembly.errors": ("StartError",),
    "rtp_relay.config": ("Config", "ConfigError"),
}
"""Where the names are."""

_HOMES = {name: module for module, names in _NAMES.items() for name in names}

if not TYPE_CHECKING:  # a type checker that saw it would take any name for one of ours

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_HOMES[name]), name)
        return value
