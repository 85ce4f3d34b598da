"""What is wrong with the description of a node that does not come from a configuration file."""

from __future__ import annotations

import ipaddress
import re

from engines.registry import EngineName, kind_of
from engines.sets import NodeSpec

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_UDP = re.compile(r"udp:(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]{1,253})):(?P<port>[0-9]{1,5})")
_UNIX = re.compile(r"unix:/.+")
_FORMS = {"udp": "udp:HOST:PORT", "unix": "unix:/PATH"}

HIGHEST_PORT = 65535


def node_fault(spec: NodeSpec) -> str:
    """Return what is wrong with a description, in words; "" if it will do."""
    if not _NAME.fullmatch(spec.name):
        return f"{spec.name!r} is no name: letters, digits and . _ - make one"
    if spec.engine not in list(EngineName):
        return f"{spec.engine!r} is no engine: there are {', '.join(EngineName)}"
    schemes = kind_of(spec.engine).schemes
    if not any(_speaks(scheme, spec.url) for scheme in schemes):
        forms = " or ".join(_FORMS[scheme] for scheme in sorted(schemes))
        return f"{spec.url!r} is no url of an {spec.engine}: {forms}"
    return share_fault(set_name=spec.set, weight=spec.weight, priority=spec.priority)


def share_fault(*, set_name: str | None, weight: int | None, priority: int | None) -> str:
    """Return what is wrong with how a node is to take part in the choice for calls; None of what is not said."""
    if set_name is not None and (type(set_name) is not str or not _NAME.fullmatch(set_name)):
        return f"{set_name!r} is no name of a set: letters, digits and . _ - make one"
    for what, number in (("weight", weight), ("priority", priority)):
        if number is not None and (type(number) is not int or number < 0):
            return f"a {what} is a whole number, 0 or more"
    return ""


def _speaks(scheme: str, url: str) -> bool:
    if scheme == "unix":
        return _UNIX.fullmatch(url) is not None
    match = _UDP.fullmatch(url)
    return match is not None and 0 < int(match["port"]) <= HIGHEST_PORT and _is_host(match["six"] or match["host"])


def _is_host(host: str) -> bool:
    """Return whether this is a name or an address; the system takes 10.0.1 for 10.0.0.1, who wrote it hardly did."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return not re.fullmatch(r"[0-9.]+|.*:.*", host)
    return True
