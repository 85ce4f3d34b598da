"""The methods of MI's core: about the process itself."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from actors.control.counters import Sample
from engines.registry import KINDS
from engines.route.kind import RouteKind
from gateways.mi.jsonrpc import Json, MiError
from gateways.mi.methods import OK, Caller, Method, Methods, always
from gateways.mi.parameters import Arguments, Parameter, as_number, as_texts

ENGINES = tuple(engine for engine in KINDS if engine != RouteKind.name)
"""The engines whose nodes are configured."""

LEVELS = {-1: "error", 1: "warning", 3: "info", 4: "debug"}
"""OpenSIPS' log levels that have one of ours: L_ERR, L_WARN, L_INFO, L_DBG."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessHooks:
    """What the methods have of the program. samples: all that was counted. log_level, set_log_level: in our words.

    started_at: seconds since the epoch. processes: the ids of all that run now, and what each one is. stop, reload: as
    SIGTERM and SIGHUP do.
    """

    version: str
    started_at: float
    processes: Callable[[], Sequence[tuple[int, str]]]
    samples: Callable[[], Awaitable[Iterable[Sample]]]
    log_level: Callable[[], str]
    set_log_level: Callable[[str], None]
    stop: Callable[[], None]
    reload: Callable[[], None]


class ProcessMethods:
    """`ps`, `uptime`, `version`, `pwd`, `arg`, `log_level`, `get_statistics`, `kill`, and `ENGINE:reload`."""

    def __init__(self, hooks: ProcessHooks) -> None:
        self._hooks = hooks

    def add_to(self, methods: Methods) -> None:
        """Add the methods."""
        methods.add(
            Method("ps", "Lists the processes.", self._ps),
            Method("uptime", "Says since when the program runs.", self._uptime),
            Method("version", "Says which version it is.", self._version),
            Method("pwd", "Says in which folder it runs.", self._pwd),
            Method("arg", "Says with which arguments it was started.", self._arg),
            Method("kill", "Ends the program; calls stay, and go on when it runs again.", self._kill, changes=always),
            Method(
                "log_level",
                "Says what the log level is, or sets it.",
                self._log_level,
                ((), (Parameter("level", as_number),)),
                changes=bool,
            ),
            Method(
                "get_statistics",
                'Gives the counters of these names, of a part with "part:", or "all".',
                self._statistics,
                ((Parameter("statistics", as_texts),),),
            ),
        )

        for engine in ENGINES:
            what = "Reads the nodes, of all engines, and the routing script anew, as SIGHUP does."
            methods.add(Method(f"{engine}:reload", what, self._reload, changes=always))

    async def _reload(self, given: Arguments, caller: Caller) -> Json:  # noqa: ARG002
        self._hooks.reload()
        return OK

    async def _ps(self, given: Arguments, caller: Caller) -> Json:  # noqa: ARG002
        rows = enumerate(self._hooks.processes())
        return {"Processes": [{"ID": number, "PID": pid, "Type": what} for number, (pid, what) in rows]}

    async def _uptime(self, given: Arguments, caller: Caller) -> Json:  # noqa: ARG002
        now, since = time.time(), self._hooks.started_at
        return {"Now": time.ctime(now), "Up since": time.ctime(since), "Up time": f"{round(now - since)} [sec]"}

    async def _version(self, given: Arguments, caller: Caller) -> Json:  # noqa: ARG002
        return {"Server": f"rtp-relay ({self._hooks.version})"}

    async def _pwd(self, given: Arguments, caller: Caller) -> Json:  # noqa: ARG002
        return {"WD": os.getcwd()}  # noqa: PTH109 - a Path says no more

    async def _arg(self, given: Arguments, caller: Caller) -> Json:  # noqa: ARG002
        return list(sys.argv)

    async def _kill(self, given: Arguments, caller: Caller) -> Json:  # noqa: ARG002
        self._hooks.stop()
        return OK

    async def _log_level(self, given: Arguments, caller: Caller) -> Json:
        level = given.get("level")
        if level is None:
            number = next(number for number, word in LEVELS.items() if word == self._hooks.log_level())
            return {"Processes": [{"PID": os.getpid(), "Log level": number, "Type": "control node"}]}
        if level not in LEVELS:
            raise MiError(
                400, "Bad log level", f"known ones: {', '.join(f'{n} ({word})' for n, word in LEVELS.items())}"
            )
        self._hooks.set_log_level(LEVELS[level])
        return {"New global log level": level, "By": caller.name}

    async def _statistics(self, given: Arguments, caller: Caller) -> Json:  # noqa: ARG002
        counted = dict(_by_name(await self._hooks.samples()))
        found: dict[str, int] = {}
        for wanted in given["statistics"]:
            found |= {name: number for name, number in counted.items() if _is_meant(name, wanted)}
        if not found:
            raise MiError(404, "Statistics Not Found", f"no counter is known under {', '.join(given['statistics'])}")
        return found


def _by_name(samples: Iterable[Sample]) -> Iterator[tuple[str, int]]:
    """Return the numbers by `part:name`, and by `part:name-label-label` where they have labels.

    Whole numbers are all that OpenSIPS' statistics have: of what takes time, how often it happened.
    """
    sums: Counter[str] = Counter()
    for sample in samples:
        words = [sample.name, *(word for _, word in sample.labels)]
        sums[f"{sample.part}:{'-'.join(words)}"] += round(sample.count)
    return iter(sums.items())


def _is_meant(name: str, wanted: str) -> bool:
    if wanted == "all":
        return True
    return name.startswith(wanted) if wanted.endswith(":") else name in (wanted, wanted.replace(" ", ":"))
