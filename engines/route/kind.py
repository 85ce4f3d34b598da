"""The route engine as a kind of relay: its node is not a process, but the user's callables (`engines.route.routes`).

There is one command for each operation: what is to be called, with which parameters; the transport calls it. A session
is known to the callables by its call's id, as the documentation has it, and by the `node` that the offer's callable
returned. The kind keeps nothing between operations.
"""

from __future__ import annotations

from dataclasses import replace

from engines.ids import call_id_of
from engines.kind import Exchange, MalformedReply, Operation, Untranslatable
from engines.media_request import MediaRequest, to_bytes
from engines.ng.bencode import BencodeError, NgDict, decode
from engines.refusal import RefusalCode
from engines.reply import PONG, NodeReply, agreed
from engines.request import HANDLE, NodeRequest
from engines.route.parameters import PARAMETERS, Parameters, Route, RouteCall
from engines.whole_sessions import operation_on
from events.names import RelayId, Tag
from events.registry import MeasuredStream
from events.verb import DELETE, QUERY

OPTIONS = b"route-options"
"""The key of a request under which the parameters stand that the ng protocol has no keys for, by their names."""

_WHOLE = b"route-whole"
"""The key of a delete that takes a whole session away. A callable cannot be told to delete a part."""

_NAMED = {
    b"from_tag": b"from-tag",
    b"to_tag": b"to-tag",
    b"node": HANDLE,
    b"copy-ctx": b"copy-ctx",
    b"body": b"sdp",
    b"set": b"set",
    b"branch": b"branch",
}
"""The parameters that have a key of their own in a request; `set` and `branch` only in those about copies."""

_VERBS = frozenset(route.value for route in Route)


class RouteKind:
    """The user's callables as a node. Each branch of a call has a session of its own."""

    name = "route"
    schemes = frozenset({"route"})
    native_branches = False
    several_copies = True
    answer_creates = False
    tells_parties = False

    def request(self, media: MediaRequest) -> NodeRequest:
        """Return the ng request of an offer, answer or delete, without call-id."""
        options: NgDict = {b"branch": media.engaged_branch, b"set": to_bytes(media.set)}
        delete = " ".join(filter(None, (media.ctx_delete, media.delete)))
        texts = {
            "ip": media.ip,
            "type": media.type,
            "in-iface": media.in_iface,
            "out-iface": media.out_iface,
            "ctx-flags": media.ctx_flags,
            "flags": media.flags,
            "peer": media.peer,
            "delete": delete,
        }
        known = PARAMETERS[Route(media.verb)]
        options |= {name.encode(): to_bytes(text) for name, text in texts.items() if text and name in known}
        return NodeRequest({**media.names(), OPTIONS: options})

    def perform(self, operation: Operation) -> Exchange:
        """Call the operation's callable. Raises Untranslatable for one that has no callable.

        Nobody can be asked whether a session is there: a query is ok.
        """
        if operation.verb is QUERY:
            return _at_once(agreed())
        if operation.verb is DELETE and _WHOLE not in operation.request.words:
            return _at_once(agreed({b"warning": b"A route holds all that this id names as one session"}))
        if operation.verb not in _VERBS:
            raise Untranslatable(f"{operation.verb} is not something that a route is for; use a set of rtpengine nodes")
        return _call(Route(operation.verb), operation)

    def ping(self) -> Exchange:
        """Return an exchange that succeeds at once: there is nothing to ask."""
        return _at_once(PONG)

    def teardown(self, relay_id: RelayId, from_tag: Tag, to_tag: Tag) -> Operation:
        """Return the delete of a session."""
        removal = operation_on(DELETE, relay_id, from_tag, to_tag)
        return replace(removal, request=removal.request.merged(NodeRequest({_WHOLE: 1})))

    def knows(self, relay_id: RelayId, from_tag: Tag, to_tag: Tag) -> Operation:
        """Build a query, which is ok: the callables are not asked what they know."""
        return operation_on(QUERY, relay_id, from_tag, to_tag)

    def held(self, reply: NodeReply) -> None:
        """Return nothing: a reply does not tell the parties."""

    def measured(self, reply: NodeReply) -> tuple[MeasuredStream, ...]:  # noqa: ARG002
        """Return nothing: the application's functions say nothing of media."""
        return ()


def _at_once(reply: NodeReply) -> Exchange:
    yield from ()
    return reply


def _call(route: Route, operation: Operation) -> Exchange:
    command = RouteCall(route, operation.relay_id, _parameters(route, operation)).to_bytes()
    (answer,) = yield [command]
    try:
        reply = decode(answer)
    except BencodeError as error:
        raise MalformedReply(f"what route {route} returned cannot be told: {error}") from error
    if not isinstance(reply, dict):
        raise MalformedReply(f"the reply of route {route} is not a dictionary")
    if route in (Route.OFFER, Route.ANSWER) and reply.get(b"result") == b"ok":
        reply.setdefault(b"sdp", operation.request.words.get(b"sdp", b""))
    return NodeReply(reply, None if reply.get(b"result") == b"ok" else RefusalCode.REFUSED)


def _parameters(route: Route, operation: Operation) -> Parameters:
    """Return the parameters that the route has; those of no value are left out."""
    request = operation.request.words
    options = request.get(OPTIONS)
    given: NgDict = {b"branch": -1, b"set": b"", **(options if isinstance(options, dict) else {})}
    given |= {name: request[key] for name, key in _NAMED.items() if request.get(key, b"") != b""}
    if route is not Route.COPY_OFFER and b"copy-name" in request:
        given.setdefault(b"copy-ctx", request[b"copy-name"])
    flags = request.get(b"flags")
    if isinstance(flags, list) and flags:
        given[b"flags"] = b" ".join(flag for flag in flags if isinstance(flag, bytes))
    required: Parameters = {"callid": call_id_of(operation.relay_id), "from_tag": ""}
    if "body" in PARAMETERS[route] and route not in (Route.DELETE, Route.COPY_DELETE):
        required["body"] = b""
    texts = {name.decode(): _plain(name, value) for name, value in given.items()}
    return required | {name: value for name, value in texts.items() if name in PARAMETERS[route]}


def _plain(name: bytes, value: object) -> object:
    if name == b"body" or not isinstance(value, bytes):
        return value
    return value.decode("utf-8", "surrogateescape")
