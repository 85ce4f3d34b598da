"""What routing scripts import (docs/routing-script.md)."""

from __future__ import annotations

from actors.setting_values import BadSetting
from gateways.sip.script.branch_views import Branch, Failure, Local, Reply
from gateways.sip.script.decisions import RoutingError
from gateways.sip.script.events import on_branch, on_failure, on_local, on_reply, on_request
from gateways.sip.script.headers import Headers
from gateways.sip.script.variables import CallVariables, ContextSettings, LegSettings
from gateways.sip.script.views import Request

__all__ = [
    "BadSetting",
    "Branch",
    "CallVariables",
    "ContextSettings",
    "Failure",
    "Headers",
    "LegSettings",
    "Local",
    "Reply",
    "Request",
    "RoutingError",
    "on_branch",
    "on_failure",
    "on_local",
    "on_reply",
    "on_request",
]
