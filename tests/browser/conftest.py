"""The web app on a free port, and Debian's Chromium that may talk to this machine only."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from dose.scope import Role
from tests.web.conftest import PASSWORD, Site, address, site

__all__ = ["site"]
DEADLINE_MS = 30_000


class Visit:
    """One browser context: its page, everything it asked for and everything that went wrong."""

    def __init__(self, browser, base: str, **options) -> None:
        self.base = base
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(DEADLINE_MS)
        self.hosts: set[str] = set()
        self.faults: list[str] = []
        self.context.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname or ""))
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda said: self.faults.append(said.text) if said.type == "error" else None)

    def go(self, path: str) -> None:
        """Open an address of the app."""
        self.page.goto(self.base + path)

    def sign_in(self, role: Role = Role.PHYSICIST, *, empty: bool = False) -> Visit:
        """Through the form, as a person does; `empty` expects a list without studies."""
        self.go("/login?next=/studies")
        self.page.fill("#email", address(role))
        self.page.fill("#password", PASSWORD)
        self.page.click("button[type=submit]")
        self.page.wait_for_selector(".empty" if empty else ".row-link")
        return self


@pytest.fixture(scope="session")
def base(site: Site) -> Iterator[str]:
    """The address of the running app."""
    from waitress.server import create_server

    server = create_server(site.app.server, host="127.0.0.1", port=0, threads=8)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(5)


@pytest.fixture
def visit(chromium, base: str, site: Site) -> Iterator[Callable[..., Visit]]:
    """Make visits; at the end each must have stayed on this machine and run without an error."""
    visits: list[Visit] = []
    for limiter in site.app.server.extensions["limiter"]:
        limiter.reset()  # all tests sign in from one address: more often in a minute than a person may

    def make(**options) -> Visit:
        visits.append(Visit(chromium, base, **options))
        return visits[-1]

    yield make
    for one in visits:
        one.context.close()
        assert one.hosts <= {"127.0.0.1"}, one.hosts
        assert not one.faults
