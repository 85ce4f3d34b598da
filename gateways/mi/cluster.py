"""Our own methods about relay nodes as the whole cluster has them: `rtp_relay:nodes`."""

from __future__ import annotations

from actors.control.control import Control
from actors.control.documents import of_decisions, of_status
from gateways.mi.jsonrpc import Json, MiError
from gateways.mi.methods import Caller, Method, Methods
from gateways.mi.parameters import Arguments


class ClusterMethods:
    """Reads what control nodes say of themselves and their nodes."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def add_to(self, methods: Methods) -> None:
        """Add the methods."""
        methods.add(
            Method(
                "rtp_relay:nodes",
                "Lists the relay nodes, and what is decided about them.",
                self._nodes,
            )
        )

    async def _nodes(self, given: Arguments, caller: Caller) -> Json:  # noqa: ARG002
        try:
            statuses = await self._control.control_nodes()
            decided = await self._control.steering.decided()
        except ValueError as error:
            raise MiError(500, "Status cannot be read", str(error)) from None
        return {
            "control_nodes": [of_status(status) for status in statuses],
            "decided": [of_decisions(node, decisions) for node, decisions in decided.nodes.items()],
        }
