"""The system's Chromium, without a window, driven by its own driver."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from selenium.common.exceptions import (
    ElementNotInteractableException,
    NoSuchElementException,
    StaleElementReferenceException,
    TimeoutException,
    WebDriverException,
)
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.peers.peer import PeerError

T = TypeVar("T")

WITHIN = 60
"""Seconds in which a page shows what it is to show, also on a machine that does much else."""

_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-device-scale-factor=1",
    "--hide-scrollbars",
)
"""A container's root has no sandbox; nothing is asked of anybody but the page."""


GONE = "does not belong to the document"
"""What the driver says of an element that goes while it reads it, in place of that it is stale."""


class Browser:
    """A browser, and who sits before it. `base` is where the page is."""

    def __init__(self, driver: Chrome, base: str) -> None:
        self.driver, self.base = driver, base
        self._script_said: list[str] = []

    def open(self, path: str) -> None:
        """Open a place of the page."""
        self.driver.get(f"{self.base.rstrip('/')}{path}")

    @property
    def text(self) -> str:
        """What is to be read of the page's content."""
        return self.driver.find_element(By.TAG_NAME, "main").text

    def wait(self, condition: Callable[[], T], what: str) -> T:
        """Wait until something is so, and return it. What goes while it is looked at is looked for again."""
        ignored = (NoSuchElementException, StaleElementReferenceException, ElementNotInteractableException)
        try:
            return WebDriverWait(self.driver, WITHIN, 0.1, ignored).until(lambda _: _looked_at(condition))
        except TimeoutException:
            raise PeerError(f"it does not come to pass that {what}; the page says:\n{self.text}") from None

    def reads(self, words: str) -> None:
        """Wait until the page has these words."""
        self.wait(lambda: words in self.text, f"{words!r} is to be read")

    def click(self, words: str) -> None:
        """Click the link or the button with these words."""
        path = f"//a[normalize-space()={words!r}] | //button[normalize-space()={words!r}]"

        def clicked() -> bool:
            self.driver.find_element(By.XPATH, path).click()
            return True

        self.wait(clicked, f"there is a {words!r} to click")

    def field(self, label: str) -> WebElement:
        """Return the field that a label names, as soon as it is there."""

        def found() -> WebElement:
            name = self.driver.find_element(By.XPATH, f"//label[starts-with(normalize-space(), {label!r})]")
            inner = name.find_elements(By.CSS_SELECTOR, "input, select")
            return inner[0] if inner else self.driver.find_element(By.ID, str(name.get_attribute("for")))

        return self.wait(found, f"there is a field {label!r}")

    def press(self, *keys: str) -> None:
        """Press keys, one after the other, wherever the focus is."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def tab_to(self, words: str) -> None:
        """Go by the tab key to what has these words as its text or its label. Raises PeerError if that goes nowhere."""
        for _ in range(80):
            self.press(Keys.TAB)
            active = self.driver.switch_to.active_element
            if words in (active.text, active.accessible_name):
                return
        raise PeerError(f"the tab key does not come to {words!r}")

    def run(self, script: str, *given: object) -> Any:
        """Run a script in the page as its developer's console does, and return its result."""
        return self.driver.execute_script(script, *given)

    def complaints(self) -> list[str]:
        """Return what the browser has complained of since this was last asked: refused scripts and styles, errors."""
        return [entry["message"] for entry in self.driver.get_log("browser")]  # type: ignore[no-untyped-call]

    def resize(self, width: int, height: int) -> None:
        """Be a screen of this size, in CSS pixels."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def prefer(self, **media: str) -> None:
        """Prefer something, as in prefers_color_scheme="dark"."""
        features = [{"name": name.replace("_", "-"), "value": wish} for name, wish in media.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def picture(self, file: Path) -> None:
        """Write a picture of the screen."""
        assert self.driver.save_screenshot(str(file))


def _looked_at(condition: Callable[[], T]) -> T:
    """Return what a condition comes to. Raises StaleElementReferenceException if something goes meanwhile."""
    try:
        return condition()
    except WebDriverException as error:
        if GONE not in str(error.msg):
            raise
        raise StaleElementReferenceException(error.msg) from error


@contextmanager
def chromium(base: str) -> Iterator[Browser]:
    """Start a browser with a new profile; end it in the end. Raises PeerError where none is installed."""
    binary, program = shutil.which("chromium"), shutil.which("chromedriver")
    if binary is None or program is None:
        raise PeerError("chromium and chromium-driver are missing: script/setup --peers")
    with tempfile.TemporaryDirectory(prefix="rtp-relay-chromium-", ignore_cleanup_errors=True) as profile:
        options = ChromeOptions()
        options.binary_location = binary
        for option in (*_OPTIONS, f"--user-data-dir={profile}"):
            options.add_argument(option)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = Chrome(options=options, service=Service(program))
        try:
            driver.set_page_load_timeout(WITHIN)
            yield Browser(driver, base)
        finally:
            driver.quit()
