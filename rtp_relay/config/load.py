"""Loading a configuration file."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

from engines.set_names import SetNames
from replay.privacy.users import Shown
from rtp_relay.config.checks import (
    Values,
    check_nodes,
    check_policies,
    check_recordings,
    check_route,
    check_set,
    check_sip,
)
from rtp_relay.config.events import EventsConfig, read_secrets
from rtp_relay.config.hep import HepConfig, read_hep_key
from rtp_relay.config.http import HttpConfig
from rtp_relay.config.key_files import read_key
from rtp_relay.config.lines import lines_of
from rtp_relay.config.mi import MiConfig, read_tokens
from rtp_relay.config.model import (
    CallsConfig,
    Config,
    EmbeddedConfig,
    JournalConfig,
    NgConfig,
    NodeConfig,
    OwnKeys,
    RouteConfig,
    ServiceConfig,
)
from rtp_relay.config.privacy import PrivacyConfig
from rtp_relay.config.problems import ConfigError, ConfigFault, Problem, Wrong, shown
from rtp_relay.config.reconcile import ReconcileConfig
from rtp_relay.config.script import compiled
from rtp_relay.config.sets import SetsConfig
from rtp_relay.config.sip import SipConfig
from rtp_relay.config.tables import Notes, read_table
from rtp_relay.config.tracing import TracingConfig
from rtp_relay.config.web import WebConfig, read_accounts

SECTIONS: dict[str, type[Any]] = {
    "service": ServiceConfig,
    "journal": JournalConfig,
    "sets": SetsConfig,
    "ng": NgConfig,
    "calls": CallsConfig,
    "reconcile": ReconcileConfig,
    "embedded": EmbeddedConfig,
    "route": RouteConfig,
    "sip": SipConfig,
    "mi": MiConfig,
    "hep": HepConfig,
    "http": HttpConfig,
    "web": WebConfig,
    "privacy": PrivacyConfig,
    "events": EventsConfig,
    "tracing": TracingConfig,
}

PATHS = {
    "service": ("state_dir",),
    "embedded": ("recordings",),
    "route": ("script",),
    "sip": ("script", "certificate", "key", "ca"),
    "mi": ("token_file", "socket"),
    "hep": ("key_file",),
    "web": ("login_file",),
    "privacy": ("key_file",),
    "events": ("webhook_secret_file",),
}
"""The keys of each section that are paths."""


def load(path: Path | None) -> Config:
    """Load a configuration file; without one, give the embedded default. Raises ConfigError with all problems."""
    return Config() if path is None else parse(_content(path), path)


def parse(text: str, path: Path) -> Config:
    """Read the configuration in `text`; `path` is the file's name in messages, and where its relative paths start.

    Raises ConfigError with all problems.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a syntax error; a number, or tables in each other, beyond measure
        _refuse_syntax(path, error)
    notes = Notes(path, lines_of(text))
    sections = {name: read_table(cls, document.get(name, {}), (name,), notes) for name, cls in SECTIONS.items()}
    nodes = _read_nodes(document.get("nodes", []), notes)
    for key in document.keys() - {field.name for field in fields(Config)}:
        notes.unknown((key,), (field.name for field in fields(Config)))
    _name_sets([sections["ng"], sections["sip"], *nodes], sections["sets"])
    _place(sections, path.parent)
    _read_keys(sections["journal"], notes)
    _read_tokens(sections["mi"], notes)
    _read_hep_key(sections["hep"], notes)
    _read_accounts(sections["web"], notes)
    _read_number_key(sections["privacy"], notes)
    _read_secrets(sections["events"], notes)
    for name in ("route", "sip"):
        _check_script(name, sections[name], notes)
    _check(sections, nodes, notes)
    if notes.problems:
        raise ConfigError(sorted(notes.problems, key=lambda problem: (problem.line, problem.key)))
    made = {name: cls(**sections[name]) for name, cls in SECTIONS.items()}
    return Config(nodes=tuple(NodeConfig(**node) for node in nodes), **made)


def _content(path: Path) -> str:
    expected = "a TOML file in UTF-8"
    try:
        return path.read_text("utf-8")
    except OSError as error:
        found = error.strerror or str(error)
        raise ConfigError([Problem(path, 0, "", found, expected)]) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError([Problem(path, line, "", "bytes that are not UTF-8", expected)]) from None


def _refuse_syntax(path: Path, error: Exception) -> NoReturn:
    place = re.search(r" \(at line (\d+), column \d+\)$", str(error))
    line = int(place[1]) if place else 0
    found = f"a syntax error ({str(error)[: place.start()] if place else error})"
    raise ConfigError([Problem(path, line, "", found, "TOML")]) from None


def _read_nodes(tables: object, notes: Notes) -> list[dict[str, Any]]:
    if not isinstance(tables, list):
        notes.add(("nodes",), ConfigFault(shown(tables), "an array of tables, each beginning with [[nodes]]"))
        return []
    return [read_table(NodeConfig, table, ("nodes", index), notes) for index, table in enumerate(tables)]


def _name_sets(tables: list[dict[str, Any]], sets: dict[str, Any]) -> None:
    """Put the names of sets in place of their numbers."""
    names = SetNames(sets.get("numbers", {}))
    for table in tables:
        if "set" in table:
            table["set"] = names.name(table["set"])
    sets["on_node_down"] = {names.name(key): policy for key, policy in sets.get("on_node_down", {}).items()}


def _place(sections: dict[str, dict[str, Any]], folder: Path) -> None:
    """Resolve relative paths from the folder of the configuration file."""
    for section, keys in PATHS.items():
        for key in keys:
            if sections[section].get(key):
                sections[section][key] = folder / sections[section][key]
    journal = sections["journal"]
    journal["encryption_key_files"] = tuple(folder / file for file in journal.get("encryption_key_files", ()))


def _read_keys(journal: dict[str, Any], notes: Notes) -> None:
    keys = []
    for index, file in enumerate(journal["encryption_key_files"]):
        try:
            keys.append(read_key(file))
        except Wrong as error:
            notes.add(("journal", "encryption_key_files", index), error.faults[0])
    journal["encryption_keys"] = tuple(keys)
    if journal.get("call_keys", OwnKeys.OFF) is not OwnKeys.OFF and not journal["encryption_key_files"]:
        fault = ConfigFault(f"'{journal['call_keys']}' without encryption_key_files", "both, or off")
        notes.add(("journal", "call_keys"), fault)


def _read_tokens(section: dict[str, Any], notes: Notes) -> None:
    if section.get("token_file"):
        try:
            section["tokens"] = read_tokens(section["token_file"])
        except Wrong as error:
            notes.add(("mi", "token_file"), error.faults[0])


def _read_hep_key(section: dict[str, Any], notes: Notes) -> None:
    if section.get("key_file"):
        try:
            section["key"] = read_hep_key(section["key_file"])
        except Wrong as error:
            notes.add(("hep", "key_file"), error.faults[0])


def _read_accounts(section: dict[str, Any], notes: Notes) -> None:
    if section.get("login_file"):
        try:
            section["accounts"] = read_accounts(section["login_file"])
        except Wrong as error:
            notes.add(("web", "login_file"), error.faults[0])


def _read_number_key(privacy: dict[str, Any], notes: Notes) -> None:
    if privacy.get("key_file"):
        try:
            privacy["key"] = read_key(privacy["key_file"])
        except Wrong as error:
            notes.add(("privacy", "key_file"), error.faults[0])
    elif privacy.get("numbers") is Shown.HASHED:
        notes.add(("privacy", "numbers"), ConfigFault("'hashed' without a key_file", "both, or another way"))


def _read_secrets(section: dict[str, Any], notes: Notes) -> None:
    if section.get("webhook_secret_file"):
        try:
            section["webhook_secrets"] = read_secrets(section["webhook_secret_file"])
        except Wrong as error:
            notes.add(("events", "webhook_secret_file"), error.faults[0])


def _check_script(name: str, section: dict[str, Any], notes: Notes) -> None:
    if not section.get("script"):
        return
    try:
        compiled(section["script"])
    except Wrong as error:
        notes.add((name, "script"), error.faults[0])


def _check(sections: dict[str, dict[str, Any]], nodes: list[dict[str, Any]], notes: Notes) -> None:
    values: list[Values] = list(nodes)
    check_nodes(values, notes)
    check_policies(sections["sets"]["on_node_down"], values, notes)
    check_route(sections["route"], values, notes)
    check_recordings(sections["service"], sections["embedded"], notes)
    check_sip(sections["sip"], values, notes)
    sip_uses_set = bool(sections["sip"].get("listen")) and not sections["sip"].get("script")
    for door, uses_set in (("ng", bool(sections["ng"].get("listen"))), ("sip", sip_uses_set)):
        if uses_set and "set" in sections[door]:
            check_set(door, sections[door]["set"], values, notes)
