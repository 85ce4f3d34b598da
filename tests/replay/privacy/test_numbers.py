"""However a number is spelled, wherever it stands: readers get no more of it than is configured."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.control.documents import of_ended, of_history
from events import registry as e
from events.entry_json import to_document
from events.names import CALLEE, CALLER, BranchId, Leg, Tag
from events.records import Recorded
from replay.history import ladder_text, timeline_text
from replay.history.ladder import ladder
from replay.history.ladder_svg import svg_of
from replay.history.timeline import timeline
from replay.privacy.numbers import ALL_SHOWN, Numbers
from replay.privacy.users import HIDDEN, Shown
from replay.search import Wanted
from tests.events.ended_contract import ENDED
from tests.events.samples import EVENTS, SDP

KEY = bytes(range(32))
PARTLY, HASHED, NOTHING = Numbers(Shown.PARTLY), Numbers(Shown.HASHED, KEY), Numbers(Shown.NOTHING)
HIDING = [PARTLY, HASHED, NOTHING]

numbers = st.from_regex(r"[1-9][0-9]{7,14}", fullmatch=True)
prefixes = st.sampled_from(["", "+", "00", "%2B", "+ "])
words = st.text(st.sampled_from("aZ .-_;:@<>\"'%,?&=\\ü"), max_size=8)
separators = st.sampled_from(["", "-", ".", "/"])


@st.composite
def spelled(draw: st.DrawFn, number: str) -> str:
    """Return a number as it may be spelled in a user of a URI."""
    escaped = draw(st.sets(st.integers(0, len(number) - 1)))
    parts = [f"%3{digit}" if place in escaped else digit for place, digit in enumerate(number)]
    return draw(prefixes) + draw(separators).join(parts)


@st.composite
def addresses(draw: st.DrawFn, number: str) -> str:
    """Return a From value, or a URI, with a number in one place of it or more."""
    user, other = draw(spelled(number)), draw(spelled(number))
    scheme = draw(st.sampled_from(["sip:", "sips:", "SIP:", "tel:", "Tel :", "urn:", ""]))
    uri = draw(
        st.sampled_from(
            [
                f"{scheme}{user}@example.com;user=phone",
                f"{scheme}{user};phone-context=+{other}@example.com",
                f"{scheme}{user}:{other}@192.0.2.1:5060;maddr=x{other}",
                f"{scheme}{user}",
                f"{scheme}{user};ext={other};isub={other}",
                f"{scheme}bob@example.com?P-Asserted-Identity=%3Csip:{other}@example.com%3E",
                f"{scheme}bob@{number}.example.com",
                f"{scheme}{user}@{number}",
                f"{scheme}{draw(words)}{user}{draw(words)}@{draw(words)}",
                f"{scheme}{user}@[2001:db8::1]:5061;{other}",
            ]
        )
    )
    name = draw(st.sampled_from(["", f'"{number}" ', f'"x <sip:{other}@a>" ', f"{user} ", f"{draw(words)}{other}"]))
    return draw(st.sampled_from([uri, f"{name}<{uri}>", f"{name}<{uri}", f"{name}<{uri}>;tag=x;{other}"]))


@st.composite
def descriptions(draw: st.DrawFn, number: str) -> bytes:
    """Return a session description with a number in it."""
    end, space = draw(st.sampled_from(["\r\n", "\n", "\r"])), draw(st.sampled_from(["", " ", "\t"]))
    user, words_ = draw(spelled(number)), draw(words).replace("\\", "")
    lines = [
        "v=0",
        f"{space}o{space}={space}{user} 1 2 IN IP4 192.0.2.1",
        f"s{space}={words_}{user} {number}",
        f"i={' '.join(number)}",
        f"e={user}@example.com ({number})",
        f"p=+{user}",
        f"u=sip:{user}@example.com",
        "m=audio 4000 RTP/AVP 0",
        f"a=ssrc:1 cname:{number}@192.0.2.1",
        f"a=identity:sip:{user}@example.com",
    ]
    return end.join(lines).encode("utf-8", "surrogateescape")


@st.composite
def histories(draw: st.DrawFn, number: str) -> list[Recorded]:
    """Return a history of a call in which a number stands in many places."""
    said = f"{draw(words)}{draw(prefixes)}{number}{draw(words)}"
    identity = f'P-Asserted-Identity: "x" {draw(addresses(number))}, <tel:+{number}>'
    sdp = draw(descriptions(number))
    events: list[e.Event] = [
        e.PartyLearned(leg=CALLER, tag=Tag("a"), uri=draw(addresses(number)), contact=draw(addresses(number))),
        e.PartyLearned(leg=CALLEE, tag=Tag("b"), uri=draw(addresses(number)), routes=(draw(addresses(number)),)),
        e.CallVariableSet(variable="who", value=f"sip:{number}@example.com {number}"),
        e.ContextSettingsChanged(values={"delete": f"x={number}"}),
        e.Offered(session=1, operation=1, from_tag=Tag("a"), branch=BranchId("z"), sdp=sdp, relayed=sdp),
        e.Deleted(
            session=1,
            how=e.RemovalProof.CONFIRMED,
            statistics={"calls": [{"from": f"sip:+{number}@example.com"}], "b": number.encode()},
        ),
        e.OfferFailed(session=1, operation=1, reason=said, reached=True),
        e.SipRequestEnded(number=1, status=404, reason=f"no such user {identity if '%' not in identity else said}"),
        e.CommandForwarded(session=1, command="play", result="error", request=b"d3:sdp9:" + sdp + number.encode()),
    ]
    return [Recorded(version, version, "control-1", event) for version, event in enumerate(events, 1)]


def told(history: list[Recorded]) -> str:
    """Return all that readers can be told of a history."""
    moments = list(timeline(history, secrets=True))
    drawn = ladder(history)
    return "\n".join(
        [
            *timeline_text.text_of("call", moments, 200, bodies=True),
            *ladder_text.text_of(drawn, 200),
            svg_of(drawn, "call"),
            json.dumps(of_history(history, secrets=True)),
            json.dumps(list(map(to_document, history))),
        ]
    )


def has(text: str, number: str) -> bool:
    """Return whether a number can be read in a text, also where something stands between its digits."""
    plain = unquote(text)
    return number in text or number in plain or number in re.sub(r"[-./]", "", plain)


@pytest.mark.parametrize("shown", HIDING, ids=lambda given: given.shown)
@settings(max_examples=40)
@given(data=st.data(), number=numbers)
def test_no_number_is_told(shown: Numbers, data: st.DataObject, number: str) -> None:
    history = data.draw(histories(number))
    text = told([shown.entry(entry) for entry in history])
    assert not has(text, number)
    assert [shown.entry(shown.entry(entry)) for entry in history] == [shown.entry(entry) for entry in history]


@pytest.mark.parametrize("shown", HIDING, ids=lambda given: given.shown)
@given(data=st.data(), number=numbers)
def test_no_row_tells_a_number(shown: Numbers, data: st.DataObject, number: str) -> None:
    caller, callee = data.draw(addresses(number)), data.draw(addresses(number))
    row = replace(ENDED, caller=caller[:200], callee=callee[:200], reason=f"no {number}", failure=f"x sip:{number}@h")
    assert not has(json.dumps(of_ended(shown.ended(row))), number)
    assert shown.ended(shown.ended(row)) == shown.ended(row)


@given(data=st.data(), number=numbers)
def test_spellings_of_a_number_are_the_same_one(data: st.DataObject, number: str) -> None:
    one, other = (f"<sip:{data.draw(spelled(number))}@example.com>" for _ in range(2))
    rows = [HASHED.ended(replace(ENDED, caller=address)).caller.replace("00", "") for address in (one, other)]
    if "00" not in one + other:
        assert rows[0] == rows[1]
    assert HASHED.ended(replace(ENDED, caller=f"<sip:{number}1@example.com>")).caller != rows[0]


@pytest.mark.parametrize("event", EVENTS, ids=lambda given: given.name)
@pytest.mark.parametrize("shown", HIDING, ids=lambda given: given.shown)
def test_what_is_no_number_stays(shown: Numbers, event: e.Event) -> None:
    """So that a history can be read, and folded."""
    hidden = {*event.secret, *({"uri", "contact", "routes"} if isinstance(event, e.PartyLearned) else ())}
    before, after = asdict(event), asdict(shown.event(event))
    assert {name: after[name] for name in after if name not in hidden} == {
        name: before[name] for name in before if name not in hidden
    }


@pytest.mark.parametrize(
    ("given_", "wanted"),
    [
        ('"Ann" <sip:+4930123456789@example.com;user=phone>', "<sip:+493012345xxxx@example.com>"),
        ("tel:+49-30-123456789;ext=4", "tel:+493012345xxxx"),
        ("<sip:ann@example.com>", "<sip:xxxx@example.com>"),
        ("<sip:1001@192.0.2.1:5062>", "<sip:xxxx@192.0.2.1:5062>"),
        ("sips:+4930123456789@[2001:db8::1]:5061;lr", "sips:+493012345xxxx@[2001:db8::1]:5061"),
    ],
)
def test_numbers_without_their_last_four_digits(given_: str, wanted: str) -> None:
    event = e.PartyLearned(leg=Leg.CALLER, tag=Tag("a"), uri=given_)
    shown = PARTLY.event(event)
    assert isinstance(shown, e.PartyLearned)
    assert shown.uri == wanted
    assert ALL_SHOWN.event(event) is event


def test_a_description_keeps_all_but_who_it_is_from() -> None:
    lines = (
        b"v=0",
        b"o=4930123456 1 2 IN IP4 192.0.2.1",
        b"s=Ann",
        b"m=audio 40000 RTP/AVP 0",
        b"a=candidate:4234997325 1 udp 2043278322 192.0.2.1 40000 typ host",
    )
    body = b"\r\n".join(lines)
    event = NOTHING.event(e.CopyOffered(copy="c", sdp=body))
    assert isinstance(event, e.CopyOffered)
    assert event.sdp == body.replace(b"4930123456 ", HIDDEN.encode() + b" ").replace(b"s=Ann", b"s=-")
    plain = e.CopyOffered(copy="c", sdp=SDP)
    assert ALL_SHOWN.event(plain) is plain


@pytest.mark.parametrize(
    ("party", "found"),
    [
        ("+49 30 123456789", True),
        ("4930123456789", True),
        ("sip:+4930123456789@example.com", True),
        ("4930123456789@EXAMPLE.com", True),
        ("4930123456789@elsewhere.example", False),
        ("493012345678", False),
        ("30123456789", False),
        ("ann", False),
        ("", True),
    ],
)
@pytest.mark.parametrize("shown", HIDING, ids=lambda given: given.shown)
def test_a_whole_number_finds_its_calls_and_a_part_none(shown: Numbers, party: str, found: bool) -> None:
    row = replace(ENDED, caller='"Ann" <sip:+4930123456789@example.com>')
    assert shown.takes(Wanted(party=party), row) is found
    if shown is HASHED:
        assert shown.takes(Wanted(party=party), shown.ended(row)) is found, "in an archive, too"
    assert not shown.takes(Wanted(text="3012345678"), row)
    assert shown.takes(Wanted(text="delete by"), row)
    assert not shown.takes(Wanted(node="elsewhere"), row)
