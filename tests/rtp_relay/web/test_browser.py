"""The page in a real browser, beside a real service: people's walks, keyboards, phones, and what others have chosen.

With RTP_RELAY_PICTURES set to a folder (docs/images), the pictures of the documents are written into it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from events.names import CallId, NodeName
from events.records import NOTHING, Index
from replay.fold import fold
from replay.projection import Deadlines, project
from rtp_relay.service import open_journal
from rtp_relay.web.rendering import in_url
from tests.peers.chromium import Browser, chromium
from tests.peers.forked import run_command
from tests.peers.ng_client import NgClient
from tests.peers.ports import HOST, PortBlock
from tests.peers.rtp import Parties, make_sdp, media_address
from tests.rtp_relay.serving import ControlNode
from tests.rtp_relay.web.test_pages import EVIL, evil_story
from tests.rtp_relay.web.test_process import address_of

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

CHECKS = (Path(__file__).parent / "checks.js").read_text()
FAILED = "ann-17@example.org"
WHY = "ice force: not something an rtpproxy can do"
HEBREW = "\u05e9\u05dc\u05d5\u05dd <script>alert(3)</script> \" ' onerror=alert(4) " + "w" * 500


@dataclass
class Place:
    """A service with calls, its page in a browser, and who places calls."""

    node: ControlNode
    client: NgClient
    media: Parties
    browser: Browser
    token: str

    async def call(self, call_id: str) -> None:
        """Place a call in which both are heard."""
        caller, callee = make_sdp(self.media.caller.address), make_sdp(self.media.callee.address)
        offered = await self.client.command("offer", call_id=call_id, from_tag="ann", sdp=caller)
        answered = await self.client.command("answer", call_id=call_id, from_tag="ann", to_tag="bob", sdp=callee)
        for_callee, for_caller = offered[b"sdp"], answered[b"sdp"]
        assert isinstance(for_callee, bytes)
        assert isinstance(for_caller, bytes)
        assert media_address(for_callee) != media_address(for_caller)
        await self.media.talk(for_caller, for_callee)

    async def hang_up(self, call_id: str) -> None:
        await self.client.command("delete", call_id=call_id, from_tag="ann", to_tag="bob")

    async def node_of(self, call_id: str) -> NodeName:
        """Return where a live call is."""
        async with open_journal(self.node.config) as journal:
            row = await journal.row(CallId(call_id))
        assert row is not None
        return row.sessions[0][0]


async def add_evil(node: ControlNode) -> None:
    """Write a call whose parties have evil names into the journal."""
    async with open_journal(node.config) as journal:
        entries = evil_story(round(await journal.time()))
        row = project(fold(EVIL, entries), Deadlines()).ended
        assert row is not None
        named = replace(row, caller=f"<sip:{HEBREW}>", callee="</td><script>alert(5)</script>", failure="<u>x</u>")
        await journal.append(EVIL, 0, entries, NOTHING, Index(ended=named))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place() -> AsyncIterator[Place]:
    ports = PortBlock()
    ports.reserve()
    async with (
        ControlNode(f'[web]\nlisten = ["{HOST}:{ports.take()}"]\n') as node,
        Parties() as media,
        NgClient(node.address) as client,
    ):
        base = await address_of(node)
        token = (node.folder / "web-token").read_text().strip()
        with chromium(base) as browser:
            made = Place(node, client, media, browser, token)
            await client.command(
                "offer", call_id=FAILED, from_tag="ann", ICE="force", sdp=make_sdp(media.caller.address)
            )
            for number in range(1, 5):
                await made.call(f"ann-{number}@example.org")
            await made.hang_up("ann-4@example.org")
            await add_evil(node)
            yield made
    ports.release()


@pytest.fixture
def browser(place: Place) -> Iterator[Browser]:
    """Return the browser, logged in, as a screen of usual size; in the end it has complained of nothing."""
    seat = place.browser
    seat.resize(1200, 800)
    seat.prefer(prefers_color_scheme="light")
    seat.open(f"/login?token={place.token}")
    seat.complaints()
    yield seat
    assert seat.complaints() == []


def picture(browser: Browser, name: str) -> None:
    """Write a picture for the documents, if they are wanted."""
    folder = os.environ.get("RTP_RELAY_PICTURES")
    if folder:
        browser.picture(Path(folder) / f"{name}.png")


async def test_one_finds_a_failed_call_and_says_why(browser: Browser) -> None:
    browser.click("Ended calls")
    Select(browser.field("Came to")).select_by_visible_text("failed")
    browser.click("Find")
    browser.wait(lambda: len(browser.driver.find_elements(By.CSS_SELECTOR, "tbody tr")) == 1, "one call has failed")
    browser.click(FAILED)
    browser.reads("What went wrong")
    assert WHY in browser.text
    assert "offer failed" in browser.driver.find_element(By.CSS_SELECTOR, "svg").text
    picture(browser, "web-call")
    slider = browser.field("Version")
    slider.send_keys(Keys.HOME)
    browser.reads("At version 1 of 3")
    assert "sessions 1 status" in browser.text


async def test_one_drains_a_node_and_sees_it_empty(browser: Browser, place: Place) -> None:
    node = await place.node_of("ann-1@example.org")
    browser.click("Nodes")
    browser.click(node)
    browser.reads("on it.")
    browser.field("Deadline").send_keys("10m")
    browser.field("Why").send_keys("a new disk")
    browser.click("Drain")
    browser.reads(f"{node} is draining.")
    browser.reads("Its calls are moved away within 10m")
    browser.reads("moving, ")
    assert browser.driver.find_element(By.TAG_NAME, "progress").accessible_name.startswith("Job ")
    browser.wait(lambda: browser.driver.find_elements(By.CSS_SELECTOR, ".state.draining"), "it is draining")
    browser.reads("a new disk")
    picture(browser, "web-node")
    for number in range(1, 4):
        call_id = f"ann-{number}@example.org"
        if await place.node_of(call_id) == node:
            browser.open(f"/calls?node={node}")
            browser.click(call_id)
            browser.field("End this call").click()
            browser.click("End")
            browser.reads("The call ends:")
    browser.open(f"/node?name={node}")
    browser.reads("It is empty.")
    await place.call("ann-5@example.org")
    assert await place.node_of("ann-5@example.org") != node
    _, told, _ = await _command(place, "nodes")
    assert "operator (page), by " in told
    browser.click("Enable")
    browser.reads(f"{node} is active.")


async def _command(place: Place, *words: str) -> tuple[int, str, str]:
    """Run a command of the command line about the service, and return its exit code and what it says."""
    return await run_command(*words, "-c", str(place.node.file), "--json")


async def test_all_can_be_done_by_keyboard(browser: Browser) -> None:
    browser.press(Keys.TAB)
    assert browser.driver.switch_to.active_element.text == "Skip to the content"
    browser.tab_to("Nodes")
    outline = "const is = getComputedStyle(document.activeElement); return [is.outlineStyle, parseInt(is.outlineWidth)]"
    assert browser.run(outline) == ["solid", 3]
    browser.press(Keys.ENTER)
    browser.reads("Relay nodes")
    browser.tab_to("relay-2")
    browser.press(Keys.ENTER)
    browser.reads("What is wanted of it")
    browser.tab_to("Weight")
    browser.press(Keys.CONTROL + "a", "3", Keys.ENTER)
    browser.reads("relay-2 has weight 3.")
    browser.tab_to("Log out")
    browser.press(Keys.ENTER)
    browser.reads("Log in")


async def test_numbers_are_fresh_and_the_focus_stays(browser: Browser, place: Place) -> None:
    def number() -> str:
        return browser.driver.find_element(By.CSS_SELECTOR, "#now dd").text

    browser.tab_to("relay-1")
    before = number()
    await place.call("ann-20@example.org")
    browser.wait(lambda: number() != before, "the number of live calls is fresh")
    assert browser.driver.switch_to.active_element.text == "relay-1"


async def test_the_tail_tells_what_happens(browser: Browser, place: Place) -> None:
    browser.open("/tail")
    browser.reads("Connected.")
    await place.call("<b>tail</b>\"'&@example.org")
    browser.reads("<b>tail</b>\"'&@example.org")
    browser.reads("answered")
    browser.click("Pause")
    await place.hang_up("<b>tail</b>\"'&@example.org")
    browser.reads("events wait")
    browser.click("Pause")
    browser.reads("deleted")


async def test_relays_are_compared_with_the_journal(browser: Browser) -> None:
    browser.click("Findings")
    browser.click("Compare relays with the journal")
    browser.reads("0 ghosts")
    assert "for operator: 0 sessions that no call has" in browser.text
    assert "relay-1: relays of its kind do not name what they hold" in browser.text


PLACES = [
    "/",
    "/nodes",
    "/node?name=relay-1",
    "/calls",
    "/calls/ended",
    f"/call?id={FAILED}",
    "/tail",
    "/moves",
    "/findings",
]
EVIL_PLACES = ["/calls/ended", f"/call?id={in_url(EVIL)}", "/calls/ended?failure=%3Cscript%3Ealert(6)%3C/script%3E"]


async def test_what_others_have_chosen_does_nothing(browser: Browser) -> None:
    for path in EVIL_PLACES:
        browser.open(path)
        assert browser.run("return document.querySelectorAll('script:not([src]), img, u, [onerror]').length") == 0
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth"), path
    browser.open("/calls/ended")
    assert "<script>alert(3)</script>" in browser.text
    browser.open(EVIL_PLACES[1])
    browser.driver.find_element(By.TAG_NAME, "summary").click()
    browser.reads("s=<img src=x onerror=alert(1)>")
    assert "c2VjcmV0a2V5" not in browser.driver.page_source


async def test_it_fits_on_a_phone(browser: Browser) -> None:
    browser.resize(360, 740)
    for path in (*PLACES, *EVIL_PLACES):
        browser.open(path)
        assert browser.run("return document.documentElement.scrollWidth") <= 360, path
    browser.open("/")
    picture(browser, "web-phone")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everybody_can_read_it(browser: Browser, scheme: str) -> None:
    browser.prefer(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
    for path in (*PLACES, EVIL_PLACES[1], "/nothing"):
        browser.open(path)
        assert browser.run(CHECKS) == [], path
    browser.complaints()  # of the page that is none
    browser.open("/")
    browser.wait(lambda: len(browser.driver.find_elements(By.CSS_SELECTOR, "#charts canvas")) == 2, "there are charts")
    picture(browser, f"web-overview-{scheme}")
