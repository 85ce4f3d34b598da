"""Which flow carries a command out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from actors.call_context import CallContext
from actors.commands.command import CallCommand
from actors.commands.copies import AnswerCopy, DeleteCopy, OfferCopy
from actors.commands.media import Answer, Delete, Offer, PassThrough
from actors.commands.migration import Migrate
from actors.commands.reading import LocateCall, ReadCall
from actors.commands.recovery import EndSilentSession, EndVanishedSession, LeaveDeadNode, ProbeSessions, ProcessDue
from actors.commands.relay import EndRelay, EstablishBranch, FailBranch, RelaySdp
from actors.commands.settings import ChangeSettings
from actors.commands.sip import EndCall, EndDialog, EndEarlyDialogs, EndUnanswered, ObserveSipMessage, SendRequest
from actors.effects import Flow
from actors.flows.media.answer import answer
from actors.flows.media.copies import copy_answer, copy_delete, copy_offer
from actors.flows.media.delete import delete
from actors.flows.media.offer import offer
from actors.flows.media.passthrough import pass_through, where
from actors.flows.migration.migrate import migrate
from actors.flows.reading import read_call
from actors.flows.recovery.dead_node import leave_dead_node
from actors.flows.recovery.media_timeout import end_silent_session, end_vanished_session
from actors.flows.recovery.missing import probe_sessions
from actors.flows.recovery.process_due import process_due
from actors.flows.sip.branches import end_relay, end_unanswered, establish_branch, fail_branch
from actors.flows.sip.observe import observe
from actors.flows.sip.own_requests import end_dialogs, end_early_dialogs, send_request
from actors.flows.sip.relayed_media import relay_sdp
from actors.flows.sip.settings import change_settings

Handler: TypeAlias = Callable[[Any, CallContext], Flow]


def flow_for(command: CallCommand[Any], context: CallContext) -> Flow:
    """Return the flow of a command, not yet begun."""
    return HANDLERS[type(command)](command, context)


def _sends_sip(context: CallContext) -> bool:
    return context.sip_outlet.sender is not None


HANDLERS: Mapping[type[Any], Handler] = MappingProxyType(
    {
        Offer: lambda command, context: offer(command, context.nodes, context.adoption),
        Answer: lambda command, context: answer(command, context.adoption),
        Delete: lambda command, context: delete(command, context.adoption),
        PassThrough: lambda command, context: pass_through(command, context.adoption),
        ObserveSipMessage: lambda command, context: observe(command, context.nodes),
        ReadCall: lambda _command, _context: read_call(),
        LocateCall: lambda command, context: where(command, context.adoption),
        ChangeSettings: lambda command, _: change_settings(command),
        RelaySdp: lambda command, context: relay_sdp(command, context.nodes),
        EstablishBranch: lambda command, _: establish_branch(command),
        FailBranch: lambda command, _: fail_branch(command),
        EndRelay: lambda command, _: end_relay(command),
        EndUnanswered: lambda command, _: end_unanswered(command),
        EndCall: lambda command, _: end_dialogs(command.reason, told=command.told),
        EndDialog: lambda command, _: end_dialogs(command.reason, command.callee_tag),
        EndEarlyDialogs: lambda command, _: end_early_dialogs(command),
        SendRequest: lambda command, _: send_request(command),
        OfferCopy: lambda command, _: copy_offer(command),
        AnswerCopy: lambda command, _: copy_answer(command),
        DeleteCopy: lambda command, _: copy_delete(command),
        Migrate: lambda command, context: migrate(
            command, context.nodes, context.deadlines, signals=_sends_sip(context)
        ),
        LeaveDeadNode: lambda command, context: leave_dead_node(
            command, context.nodes, context.deadlines, signals=_sends_sip(context)
        ),
        EndSilentSession: lambda command, _: end_silent_session(command),
        EndVanishedSession: lambda command, _: end_vanished_session(command),
        ProbeSessions: lambda command, _: probe_sessions(command),
        ProcessDue: lambda _, context: process_due(
            context.now(), context.deadlines, context.nodes, signals=_sends_sip(context)
        ),
    }
)
"""The handler of each type of command."""
