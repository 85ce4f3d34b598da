"""Who is let in, and by what: logins, forms, hosts, headers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from events.memory import MemoryJournal
from gateways.mi.methods import Role
from rtp_relay.config.web import WebConfig
from rtp_relay.web.logins import TRIES
from tests.rtp_relay.web.visitor import TOKENS, Visitor, visiting

EVERYWHERE = [
    "/",
    "/overview",
    "/nodes",
    "/node?name=x",
    "/calls",
    "/calls/ended",
    "/call?id=x",
    "/call/download?id=x",
    "/tail",
    "/moves",
    "/findings",
]
CHANGES = [
    "/node/state",
    "/node/drain",
    "/node/weight",
    "/call/move?id=x",
    "/call/end?id=x",
    "/moves/cancel",
    "/moves/rebalance",
    "/findings/compare",
    "/findings/probe?call=x",
    "/logout",
]


@pytest.fixture
async def visitor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Visitor]:
    web = WebConfig(hosts=("relays.example.org",))
    async with visiting(monkeypatch, tmp_path, MemoryJournal(), web) as one:
        yield one


@pytest.mark.parametrize("path", EVERYWHERE)
async def test_nobody_sees_anything_without_a_login(visitor: Visitor, path: str) -> None:
    async with visitor.client.get(path, allow_redirects=False) as answer:
        assert answer.status == 303
        assert answer.headers["Location"].startswith("/login?next=")
        assert "Content-Security-Policy" in answer.headers
    assert await visitor.get(path, **{"HX-Request": "true"}) == 401


@pytest.mark.parametrize("path", CHANGES)
async def test_nobody_changes_anything_without_a_login(visitor: Visitor, path: str) -> None:
    assert await visitor.send(path) == 401


async def test_one_logs_in_and_comes_to_where_one_wanted(visitor: Visitor) -> None:
    assert await visitor.get("/nodes") == 200
    assert "Log in" in visitor.page
    assert await visitor.send("/login?next=%2Fnodes", name="", secret=TOKENS[Role.READ]) == 200
    assert "<h1>Relay nodes</h1>" in visitor.page
    assert await visitor.send("/logout") == 200
    assert await visitor.get("/calls") == 200
    assert "<h1>Log in</h1>" in visitor.page


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example", "/\\evil.example", "/%0Ax", "x"])
async def test_a_login_leads_nowhere_else(visitor: Visitor, elsewhere: str) -> None:
    path = f"/login?next={elsewhere}"
    async with visitor.client.post(path, data={"secret": TOKENS[Role.READ]}, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/")


async def test_the_cookie_is_for_this_page_alone(visitor: Visitor) -> None:
    async with visitor.client.post("/login", data={"secret": TOKENS[Role.READ]}, allow_redirects=False) as answer:
        cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


async def test_secrets_cannot_be_tried_for_ever(visitor: Visitor) -> None:
    for _ in range(TRIES):
        assert await visitor.send("/login", secret="wrong") == 403
    assert await visitor.send("/login", secret=TOKENS[Role.READ]) == 429


async def test_behind_a_proxy_secrets_are_counted_by_who_sends_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with visiting(monkeypatch, tmp_path, MemoryJournal(), WebConfig(https=True)) as visitor:
        visitor.headers_sent = {"X-Forwarded-For": "203.0.113.1, 192.0.2.66"}
        for _ in range(TRIES + 1):
            status = await visitor.send("/login", secret="wrong")
        assert status == 429
        visitor.headers_sent = {"X-Forwarded-For": "203.0.113.1, 192.0.2.67"}
        assert await visitor.send("/login", secret="wrong") == 403


@pytest.mark.parametrize("path", CHANGES[:-1])
async def test_a_reader_changes_nothing(visitor: Visitor, path: str) -> None:
    await visitor.log_in(Role.READ)
    assert await visitor.send(path, node="n", state="disabled") == 403
    assert "rita may look" in visitor.text


@pytest.mark.parametrize("path", CHANGES)
async def test_a_form_without_the_logins_token_is_none(visitor: Visitor, path: str) -> None:
    await visitor.log_in(Role.OPERATE)
    assert await visitor.send(path, token="", node="n") == 403
    await visitor.get("/")
    assert await visitor.send(path, token="x" * 43, node="n") == 403


@pytest.mark.parametrize(
    "sent", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
async def test_a_form_of_another_page_is_none(visitor: Visitor, sent: dict[str, str]) -> None:
    await visitor.log_in(Role.OPERATE)
    visitor.headers_sent = sent
    assert await visitor.send("/node/state", node="n", state="disabled") == 403
    visitor.headers_sent = {"Origin": f"http://{visitor.client.host}:{visitor.client.port}"}
    await visitor.get("/nodes")
    assert await visitor.send("/logout") == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example", 421),
        ("localhost.evil.example:8080", 421),
        ("", 421),
        ("[", 421),
        ("relays.example.org", 200),
        ("RELAYS.example.org:8080", 200),
        ("localhost:8080", 200),
        ("192.0.2.1", 200),
        ("[::1]:8080", 200),
    ],
)
async def test_the_page_answers_to_its_own_names(visitor: Visitor, host: str, status: int) -> None:
    assert await visitor.get("/login", Host=host) == status


@pytest.mark.parametrize("path", ["/", "/login", "/nothing", "/static/page.css", "/static/nothing"])
async def test_every_answer_has_the_headers(visitor: Visitor, path: str) -> None:
    await visitor.log_in(Role.READ)
    await visitor.get(path)
    policy = visitor.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert visitor.headers["X-Content-Type-Options"] == "nosniff"
    assert visitor.headers["X-Frame-Options"] == "DENY"
    assert visitor.headers["Cache-Control"] == ("no-cache" if "static" in path else "no-store")
    assert "Server" not in visitor.headers


async def test_a_form_has_a_bound(visitor: Visitor) -> None:
    await visitor.log_in(Role.OPERATE)
    assert await visitor.send("/node/state", node="n" * 100_000) == 413
