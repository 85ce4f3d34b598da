"""What is asked of a relay node about a session."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal, TypeAlias


class Verb(StrEnum):
    """What an operation does: the commands of the ng protocol about a call, by their names there, and a few beside.

    `statistics` is about all that a node holds; the steps of a copy (`engines.copy_request`) are no words of the
    protocol.
    """

    OFFER = "offer"
    ANSWER = "answer"
    DELETE = "delete"
    QUERY = "query"
    PUBLISH = "publish"
    CREATE = "create"
    CREATE_ANSWER = "create answer"
    TRANSFORM = "transform"
    START_RECORDING = "start recording"
    STOP_RECORDING = "stop recording"
    PAUSE_RECORDING = "pause recording"
    START_FORWARDING = "start forwarding"
    STOP_FORWARDING = "stop forwarding"
    BLOCK_DTMF = "block DTMF"
    UNBLOCK_DTMF = "unblock DTMF"
    BLOCK_MEDIA = "block media"
    UNBLOCK_MEDIA = "unblock media"
    SILENCE_MEDIA = "silence media"
    UNSILENCE_MEDIA = "unsilence media"
    PLAY_MEDIA = "play media"
    STOP_MEDIA = "stop media"
    PLAY_DTMF = "play DTMF"
    SUBSCRIBE_REQUEST = "subscribe request"
    SUBSCRIBE_ANSWER = "subscribe answer"
    UNSUBSCRIBE = "unsubscribe"
    CONNECT = "connect"
    INJECT_START = "inject start"
    INJECT_STOP = "inject stop"
    MESH = "mesh"
    STATISTICS = "statistics"
    COPY_OFFER = "copy_offer"
    COPY_ANSWER = "copy_answer"
    COPY_DELETE = "copy_delete"


# An enumeration looks a member up with a call: these are for what is done for each message of a call.
OFFER: Final = Verb.OFFER
ANSWER: Final = Verb.ANSWER
DELETE: Final = Verb.DELETE
QUERY: Final = Verb.QUERY
MESH: Final = Verb.MESH
COPY_OFFER: Final = Verb.COPY_OFFER
COPY_DELETE: Final = Verb.COPY_DELETE

SdpVerb: TypeAlias = Literal[Verb.OFFER, Verb.ANSWER]
"""What a session description between two parties is."""

CopyVerb: TypeAlias = Literal[Verb.COPY_OFFER, Verb.COPY_ANSWER, Verb.COPY_DELETE]
"""The steps of a copy."""

BETWEEN_TWO = frozenset({OFFER, ANSWER})
"""The verbs that bring a session description and have another one come back."""

RECORDING = frozenset({Verb.START_RECORDING, Verb.STOP_RECORDING})
"""The verbs by which a session begins to be recorded, and ends."""
