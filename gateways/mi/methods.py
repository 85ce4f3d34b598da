"""The methods of the management interface: found by name, checked, called; and what is asked about them.

A method's full name is `module:command`. The command alone is enough where one module has it, and `module_command` is
the name from before there were modules. `which` lists the full name and that one, and the command alone where OpenSIPS
has it so.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

import structlog

from events.journal import JournalUnavailable
from gateways.mi.jsonrpc import Id, Json, MiError, MiRequest, method_not_found, read_request, server_error
from gateways.mi.parameters import Arguments, Parameter, Recipe, arguments, forms

log = structlog.get_logger()

OK = "OK"
"""The result of what has none."""

_UNKNOWN = "unknown MI command"


class Role(StrEnum):
    """What one who asks may do: look, or change things, too."""

    READ = "read"
    OPERATE = "operate"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a name for the log and the journal, and a role."""

    name: str
    role: Role


def always(given: Arguments) -> bool:  # noqa: ARG001
    """Say that a method changes something, whatever it is given."""
    return True


def never(given: Arguments) -> bool:  # noqa: ARG001
    """Say that a method only looks."""
    return False


Result: TypeAlias = "Json | AsyncGenerator[Json, None]"
"""What a method comes to, never None. What comes one by one becomes a list, which is written as it is found."""

Handler = Callable[[Arguments, Caller], Awaitable[Result]]
"""Carries a method out; raises MiError."""


@dataclass(frozen=True, slots=True)
class Method:
    """A method. recipes: the sets of parameters that it takes. changes: whether with these it does not only look.

    lists_command: list the command alone as well, as OpenSIPS has it. opensips-cli takes listed names only.
    """

    name: str
    help: str
    handler: Handler
    recipes: Sequence[Recipe] = ((),)
    changes: Callable[[Arguments], bool] = never
    lists_command: bool = False

    @property
    def module(self) -> str:
        """The module, "" for those of the core."""
        return self.name.rpartition(":")[0]

    @property
    def command(self) -> str:
        """The name without the module."""
        return self.name.rpartition(":")[2]

    @property
    def flat_name(self) -> str:
        """The name as it was before there were modules."""
        return self.name.replace(":", "_")

    @property
    def listed(self) -> tuple[str, ...]:
        """The names by which it is listed."""
        return (self.name, self.flat_name, self.command) if self.lists_command else (self.name, self.flat_name)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request: what its method came to, or why it did not. wants_reply: it is no notification."""

    id: Id
    wants_reply: bool
    result: Result | MiError


def failure(error: Exception, caller: Caller) -> MiError:
    """Return what is said of an exception: that the journal is away, or that we have failed, which is logged."""
    if isinstance(error, JournalUnavailable):
        return MiError(503, "Journal unavailable", str(error))
    log.error("management request failed", by=caller.name, exc_info=error)
    return server_error(f"internal error: {error!r}")


@dataclass(slots=True)
class Methods:
    """All methods."""

    _named: dict[str, Method] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.add(
            Method("which", "Lists the methods, or the parameters of one.", self._which, ((), (Parameter("command"),))),
            Method("help", "Says what a method does.", self._help, ((Parameter("mi_cmd"),),)),
        )

    def add(self, *methods: Method) -> None:
        """Add methods."""
        for method in methods:
            self._named[method.name] = method

    async def outcome(self, data: bytes, caller: Caller) -> Outcome:
        """Carry a request out, whatever it is."""
        number: Id = None
        wants_reply = True
        try:
            request = read_request(data)
            number, wants_reply = request.id, request.wants_reply
            return Outcome(number, wants_reply, await self.call(request, caller))
        except MiError as error:
            return Outcome(number, wants_reply, error)
        except Exception as error:
            return Outcome(number, wants_reply, failure(error, caller))

    async def call(self, request: MiRequest, caller: Caller) -> Result:
        """Carry a request out, and return its result. Raises MiError."""
        method = self.find(request.method)
        given = arguments(method.recipes, request.params)
        if method.changes(given):
            if caller.role is not Role.OPERATE:
                raise MiError(403, "Forbidden", f"{method.name} changes something, and {caller.name} may only look")
            log.info("management request", method=method.name, params=request.params, by=caller.name)
        return await method.handler(given, caller)

    def find(self, name: str) -> Method:
        """Return the method of a name of any form. Raises MiError if there is none, or several."""
        method = self._named.get(name)
        if method is not None:
            return method
        found = [each for each in self._named.values() if name in (each.flat_name, each.command)]
        if len(found) > 1:
            names = ", ".join(each.name for each in found)
            raise MiError(-32001, "Method ambiguous", f"supported names: {names}")
        if not found:
            raise method_not_found(f"there is no method {name!r}; see which")
        return found[0]

    async def _which(self, given: Arguments, caller: Caller) -> Json:  # noqa: ARG002
        command = given.get("command")
        if command is None:
            return sorted({name for method in self._named.values() for name in method.listed})
        if command.endswith(":"):
            return sorted(_of_module(self._named.values(), command[:-1])) or _refuse_unknown(command)
        return [list(names) for recipe in self._known(command).recipes for names in forms(recipe)]

    async def _help(self, given: Arguments, caller: Caller) -> Json:  # noqa: ARG002
        method = self._known(given["mi_cmd"])
        return {"Help": method.help, "Exported by": method.module or "core"}

    def _known(self, name: str) -> Method:
        try:
            return self.find(name)
        except MiError as error:
            if error.code == method_not_found().code:
                _refuse_unknown(name)
            raise


def _of_module(methods: Iterable[Method], module: str) -> list[str]:
    return [method.name for method in methods if method.module == module]


def _refuse_unknown(name: str) -> Json:
    raise MiError(404, _UNKNOWN, f"there is no {name!r}; see which")
