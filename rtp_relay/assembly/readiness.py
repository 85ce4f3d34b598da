"""Whether a control node can do something for a call, and what is missing for that."""

from __future__ import annotations

from collections.abc import Callable, Sized

from actors.node_table import NodeTable
from engines.sets import NodeSpec
from gateways.http.health import Condition
from rtp_relay.assembly.errors import NO_ANSWER
from rtp_relay.assembly.publisher import StatusPublisher
from rtp_relay.config import Config


class Readiness:
    """What a control node needs for calls: that it serves, that the journal answers, and nodes that take commands.

    phase: "starting", "serving" or "stopping". nodes, publisher: those of the control node, as soon as it has them.
    awaited: what is wrong with the journal before that.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self.phase = "starting"
        self.awaited = NO_ANSWER
        self.nodes = NodeTable()
        self.publisher: StatusPublisher | None = None

    def awaits(self, trouble: str) -> None:
        """Take what is wrong with the journal that is waited for."""
        self.awaited = trouble

    @property
    def serves(self) -> bool:
        """Whether it is neither about to start nor about to stop."""
        return self.phase == "serving"

    @property
    def of_ng(self) -> bool:
        """Whether the calls of the ng door can be served."""
        return self.serves and self._journal_answers and self._has_ng_node

    @property
    def of_sip(self) -> bool:
        """Whether those of the SIP door can; a script may engage relays of any set."""
        return self.serves and self._journal_answers and self._has_sip_node

    def conditions(self, ng_addresses: Sized, sip_addresses: Sized) -> list[Condition]:
        """Return what has to be right for calls to be served, and what is not; the doors listen at these addresses."""
        found = [
            Condition("service", "" if self.serves else self.phase),
            Condition("journal", self._journal_trouble),
        ]
        for door, wanted, addresses, has_node in (
            ("ng door", self._config.ng.listen, ng_addresses, self._has_ng_node),
            ("sip door", self._config.sip.listen, sip_addresses, self._has_sip_node),
        ):
            if wanted:
                found.append(Condition(door, "" if addresses else "not open"))
                found.append(Condition(f"nodes of the {door}", "" if has_node else "none takes commands"))
        return found

    @property
    def summary(self) -> str:
        """How it is, in a line for operators."""
        if self.publisher is not None and not self._journal_answers:
            return f"not ready: the journal {self._journal_trouble}"
        nodes = self.nodes.all()
        answer = sum(node.health.takes_commands for node in nodes)
        return f"{'ready' if answer else 'not ready'}: {answer} of {len(nodes)} relay nodes take commands"

    @property
    def _journal_answers(self) -> bool:
        return not self._journal_trouble

    @property
    def _journal_trouble(self) -> str:
        return self.awaited if self.publisher is None else self.publisher.trouble

    @property
    def _has_ng_node(self) -> bool:
        return self._takes_commands(lambda spec: spec.set == self._config.ng.set)

    @property
    def _has_sip_node(self) -> bool:
        sip = self._config.sip
        return self._takes_commands(lambda spec: bool(sip.script) or sip.engine == spec.engine or spec.set == sip.set)

    def _takes_commands(self, counts: Callable[[NodeSpec], bool]) -> bool:
        """Return whether any of the nodes that count does."""
        return any(node.health.takes_commands for node in self.nodes.all() if counts(node.spec))
