"""The man page rtp-relay(1), of what the command line says of itself: `python -m packages.man_page > rtp-relay.1`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from textwrap import dedent
from typing import Any

import typer

from rtp_relay import __version__
from rtp_relay.cli.app import app
from rtp_relay.cli.exits import EXPLAINED

_KINDS = {"<str>": "TEXT", "<int>": "NUMBER", "<int range>": "NUMBER", "<float>": "NUMBER", "<float range>": "NUMBER"}
"""What stands for a value that an option takes, where the command line has no word of its own."""

_REST = r"""
.SH ENVIRONMENT
.TP
.B RTP_RELAY_CONFIG
The configuration file, where \fB\-\-config\fR does not name one.
.TP
.B RTP_RELAY_PURE
With 1 the sources run, and not the compiled modules.
.SH FILES
.TP
.I /etc/rtp\-relay/rtp\-relay.toml
The configuration of the service that the Debian package has.
.SH SIGNALS
.TP
.B SIGTERM, SIGINT
The service accepts no new calls, finishes what is under way, and ends; a second one ends it at once.
.TP
.B SIGHUP
The service reads its nodes and its routing script anew.
.SH SEE ALSO
.BR kamailio (8),
.BR opensips (8),
.BR redis\-server (1),
.BR rtpengine (8),
.BR rtpproxy (8)
"""


def man_page() -> str:
    """Return the page, in roff with the man macros."""
    root: Any = typer.main.get_command(app)
    context = root.make_context("rtp-relay", [], resilient_parsing=True)
    return "".join(_page(root, context))


def _page(root: Any, context: Any) -> Iterator[str]:
    yield f'.TH RTP\\-RELAY 1 "" "rtp\\-relay {__version__}" "User Commands"\n.nh\n.ad l\n'
    yield ".SH NAME\nrtp\\-relay \\- controller of RTP relays\n"
    yield ".SH SYNOPSIS\n.B rtp\\-relay\n" + _synopsis(root, context)
    yield f".SH DESCRIPTION\n{_text(root.help)}"
    yield ".SH OPTIONS\n" + _options(root, context)
    yield ".SH COMMANDS\n"
    yield from _commands(root, context)
    yield f".SH EXIT STATUS\n{_text(EXPLAINED)}"
    yield _REST.lstrip()


def _commands(group: Any, context: Any) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        below = command.make_context(name, [], parent=context, resilient_parsing=True)
        yield f".SS {_plain(below.command_path)}\n.B {_plain(below.command_path)}\n{_synopsis(command, below)}"
        yield f".PP\n{_text(command.help or '')}{_options(command, below)}"
        if hasattr(command, "list_commands"):
            yield from _commands(command, below)


def _synopsis(command: Any, context: Any) -> str:
    return _plain(" ".join(command.collect_usage_pieces(context))) + "\n"


def _options(command: Any, context: Any) -> str:
    """Return arguments and options, each with its help; but the option that shows the help, which all have."""
    records = (parameter.get_help_record(context) for parameter in command.get_params(context))
    return "".join(_option(*record) for record in records if record is not None and record[0] != "--help")


def _option(name: str, said: str) -> str:
    for kind, word in _KINDS.items():
        name = name.replace(kind, word)
    return f".TP\n.B {_plain(name)}\n{_line(said)}\n"


def _text(text: str) -> str:
    """Return paragraphs."""
    paragraphs = (" ".join(part.split()) for part in dedent(text).split("\n\n"))
    return "\n.PP\n".join(_line(part) for part in paragraphs if part) + "\n"


def _line(text: str) -> str:
    """Return text as one line that begins with no request."""
    line = _plain(" ".join(text.split()))
    return f"\\&{line}" if line.startswith((".", "'")) else line


def _plain(text: str) -> str:
    return re.sub(r"[\\-]", lambda found: "\\e" if found[0] == "\\" else "\\-", text)


if __name__ == "__main__":
    sys.stdout.write(man_page())
