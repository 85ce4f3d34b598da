"""The methods about nodes, by engine: `rtpengine_show`, `rtpengine_enable`, and the same for each other engine."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from actors.control.control import Control
from actors.control.status import NodeStatus
from actors.control.steering import Wish
from engines.health import AdminState, NodeState
from engines.registry import KINDS
from engines.set_names import SetNames
from events.names import NodeName
from gateways.mi.decisions import asked_by, decide
from gateways.mi.jsonrpc import Json, MiError
from gateways.mi.methods import OK, Caller, Method, Methods, always
from gateways.mi.names import set_named
from gateways.mi.parameters import Arguments, Parameter, as_number

URL, ENABLE, SET = Parameter("url"), Parameter("enable", as_number), Parameter("setid")


class NodeMethods:
    """`ENGINE:show` and `ENGINE:enable` of each engine."""

    def __init__(self, control: Control, sets: SetNames) -> None:
        self._control, self._sets = control, sets

    def add_to(self, methods: Methods) -> None:
        """Add the methods."""
        for engine in KINDS:
            methods.add(
                Method(f"{engine}:show", f"Lists the {engine} nodes by set.", partial(self._show, engine)),
                Method(
                    f"{engine}:enable",
                    f"Enables (1) or disables (0) a {engine} node, for all control nodes.",
                    partial(self._enable, engine),
                    ((URL, ENABLE), (URL, ENABLE, SET)),
                    changes=always,
                ),
            )

    async def _show(self, engine: str, given: Arguments, caller: Caller) -> Json:  # noqa: ARG002
        sets: dict[str, list[NodeStatus]] = {}
        for node in await self._nodes(engine):
            sets.setdefault(node.set, []).append(node)
        return [{"Set": self._sets.number(name), "Nodes": _rows(nodes)} for name, nodes in sets.items()]

    async def _enable(self, engine: str, given: Arguments, caller: Caller) -> Json:
        wanted, group = given["url"], given.get("setid")
        nodes = [node for node in await self._nodes(engine) if wanted in (node.url, node.name)]
        if group is not None:
            nodes = [node for node in nodes if node.set == set_named(group, self._sets)]
        if not nodes:
            raise MiError(404, f"{engine} node not found", wanted)
        state = AdminState.ACTIVE if given["enable"] else AdminState.DISABLED
        wish = Wish(asked_by(caller), f"{engine}_enable")
        for node in nodes:
            await decide(self._control.steering.set_state(NodeName(node.name), state, wish))
        return OK

    async def _nodes(self, engine: str) -> list[NodeStatus]:
        return [node for node in await self._control.nodes() if node.engine == engine]


def _rows(nodes: Sequence[NodeStatus]) -> list[Json]:
    return [
        {
            "url": node.url,
            "index": index,
            "disabled": int(node.state in (NodeState.DISABLED, NodeState.DOWN)),
            "weight": node.weight,
            "recheck_ticks": 0,
            "name": node.name,
            "state": node.state,
            "calls": node.calls,
        }
        for index, node in enumerate(nodes)
    ]
