"""A real browser on the running product. It needs a Chromium and Playwright; CI has both, and fails without them."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

try:
    from playwright.sync_api import sync_playwright
except ImportError:  # a developers' tool; `make test` alone does not install it
    sync_playwright = None  # type: ignore[assignment]

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
WIDE, NARROW = {"width": 1400, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser a module. Playwright's loop runs in this thread meanwhile, and Django must not mind."""
    if sync_playwright is None:
        _missing("Playwright is not installed (requirements-dev.txt)")
    if CHROMIUM is None:
        _missing("there is no Chromium on this machine")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def _missing(what: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(params=[WIDE, NARROW], ids=["wide", "narrow"])
def page(request: pytest.FixtureRequest, chromium: Any) -> Iterator[Any]:
    """A fresh window, of a desk and of a phone. Closing it fails if the page complained or scrolls sideways."""
    context = chromium.new_context(viewport=request.param)
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.set_default_timeout(20_000)
    yield opened
    sideways = opened.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    context.close()
    # A sandboxed frame that refuses a mail's script says so: that is what it is for.
    assert [line for line in complaints if not line.startswith("Blocked script execution")] == []
    assert sideways <= 0
