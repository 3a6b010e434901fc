"""Every question and every page on a hospital group, in a real browser: seconds, slowest answer, faults.

    python -m benchmarks.bench_browser [--studies 1000000 | --var DIR] [--short]

A question begins at the first page and may take two clicks. A page is opened by its address; its slowest answer is what
the server takes for one callback, as the browser saw it; the seconds last until all is drawn. The hospital gets an
account and the levels that the demonstration hospital has in use: give it one of its own (`benchmarks.hospital`).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page, TimeoutError, sync_playwright  # noqa: A004
from sqlalchemy import select
from waitress.server import create_server

from benchmarks import MISSED
from benchmarks.hospital import build
from dacs import demo_decisions
from dacs.site_files import prepare
from dash_app.main import create_app
from dose import accounts, migrate
from dose.database import make_engine, session_factory, writing
from dose.scope import Role
from dose.settings import Settings, load_settings
from dose.store.levels_shipped import load_levels
from dose.tables import AppUser

EMAIL, PASSWORD = "physicist@example.org", "a calm and quiet morning"
PATIENCE_MS = 60_000
CLICKS = 2
QUIET_MS = 500  # without a request: the page stands
FREE = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"  # has drawn what came
SLOW_S = 1.5  # the longest that any page may leave a person waiting for one answer

PAGES = (
    "/today", "/studies", "/statistics", "/statistics?by=procedure", "/outliers", "/levels", "/levels/compliance",
    "/levels/comparison", "/levels/comparison/change", "/levels/benchmark", "/levels/make", "/levels/records",
    "/names", "/names?tab=named", "/names?tab=protocols", "/names/procedures", "/quality", "/patients/1000",
    "/studies/1000", "/rejected", "/system", "/account",
)  # fmt: skip


class Walk:
    """A person at the first page, who may click twice."""

    def __init__(self, page: Page, base: str) -> None:
        self.page, self.clicks = page, 0
        page.goto(f"{base}/today")
        self.seen(page.locator(".chart .main-svg").first)

    def click(self, target: Locator) -> None:
        """One click."""
        self.clicks += 1
        target.click(timeout=PATIENCE_MS)

    def rail(self, name: str) -> None:
        """A click on a page of the rail."""
        self.click(self.page.locator(".rail").get_by_role("link", name=name, exact=True))

    def link(self, name: str) -> None:
        """A click on a link of the page."""
        self.click(self.page.locator("main").get_by_role("link", name=name, exact=True).first)

    def seen(self, target: Locator) -> None:
        """The answer stands there."""
        target.wait_for(state="visible", timeout=PATIENCE_MS)


def _levels_page(name: str, answer: str) -> Callable[[Walk], None]:
    def ask(walk: Walk) -> None:
        walk.rail("Reference levels")
        walk.link(name)
        walk.seen(walk.page.locator(answer).first)

    return ask


def _since_when(walk: Walk) -> None:
    walk.link("by device over time")
    walk.seen(walk.page.locator(".chart .main-svg").first)


def _most_dose(walk: Walk) -> None:
    walk.link("by procedure")
    walk.seen(walk.page.locator("section table tbody tr").first)


def _outliers(walk: Walk) -> None:
    walk.rail("Outliers")
    walk.click(walk.page.locator(".outliers-page details a[href^='/studies/']").first)
    walk.seen(walk.page.get_by_role("heading", name="Irradiation events"))


def _earlier(walk: Walk) -> None:
    walk.rail("Studies")
    walk.click(walk.page.locator(".row-link").first)
    walk.seen(walk.page.get_by_role("heading", name="Irradiation events"))


def _names(walk: Walk) -> None:
    walk.rail("Names")
    walk.seen(walk.page.locator("tbody tr").first)


QUESTIONS: dict[str, Callable[[Walk], None]] = {
    "Are we within reference levels?": _levels_page("Compliance", ".stand"),
    "Who is not, and since when?": _since_when,
    "How do the devices compare?": _levels_page("Benchmark", ".chart .main-svg"),
    "Is this year better than the last?": _levels_page("Comparison", "section table tbody tr"),
    "Which procedures give most dose?": _most_dose,
    "Which examination is unusual, and why?": _outliers,
    "What was there of this patient?": _earlier,
    "Which names mean nothing yet?": _names,
}


class Traffic:
    """How long each answer of the server took, as the browser saw it."""

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self._page = ""
        self._asked: dict[str, float] = {}
        self.seconds: list[float] = []
        line = context.new_cdp_session(page)
        line.send("Network.enable")
        line.on("Network.requestWillBeSent", self._begin)
        line.on("Network.loadingFinished", self._end)
        line.on("Network.loadingFailed", self._fail)

    def _begin(self, said: dict[str, Any]) -> None:
        if said.get("type") == "Document":
            self._page = said["loaderId"]  # what the page that is left still asks for says nothing of the next
            self._asked.clear()
            self.seconds.clear()
        if said["loaderId"] == self._page and "/_dash-update-component" in said["request"]["url"]:
            self._asked[said["requestId"]] = said["timestamp"]

    def _end(self, said: dict[str, Any]) -> None:
        if said["requestId"] in self._asked:
            self.seconds.append(said["timestamp"] - self._asked.pop(said["requestId"]))

    def _fail(self, said: dict[str, Any]) -> None:
        self._asked.pop(said["requestId"], None)

    def until_quiet(self, page: Page) -> None:
        """Until nothing was asked for a while, and the browser has drawn everything."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        before = -1
        while (self._asked or before != len(self.seconds)) and time.monotonic() < deadline:
            before = len(self.seconds)
            page.wait_for_timeout(QUIET_MS)
        page.evaluate(FREE)


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """The address of the web app of an installation."""
    sessions = session_factory(make_engine(settings.database))
    server = create_server(create_app(settings, sessions).server, host="127.0.0.1", port=0, threads=8)
    threading.Thread(target=server.run, daemon=True).start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()


def prepared(settings: Settings) -> None:
    """An account, and the levels that the demonstration hospital uses."""
    with writing(session_factory(make_engine(settings.database))) as session:
        if session.scalar(select(AppUser.id).where(AppUser.email == EMAIL)) is None:
            accounts.create_user(session, EMAIL, PASSWORD, [Role.PHYSICIST.value, Role.ADMINISTRATOR.value])
        load_levels(session)
        demo_decisions.put(session)


def sign_in(page: Page, base: str) -> None:
    """Through the form."""
    page.goto(f"{base}/login")
    page.fill("input[name=email]", EMAIL)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("#theme-button", timeout=PATIENCE_MS)


def ask(page: Page, base: str, faults: list[str]) -> list[str]:
    """Walk every question; what failed."""
    failed = []
    for question, way in QUESTIONS.items():
        walk, begun = Walk(page, base), time.perf_counter()
        try:
            way(walk)
        except TimeoutError:
            faults.append("no answer")
        seconds = time.perf_counter() - begun
        good = walk.clicks <= CLICKS and not faults
        print(f"{question:<42}{walk.clicks:>3} clicks{seconds:>7.2f} s", flush=True)
        failed += [] if good else [f"{question}: {walk.clicks} clicks, {faults}"]
        faults.clear()
    return failed


def open_pages(page: Page, traffic: Traffic, base: str, faults: list[str]) -> list[str]:
    """Open every page; what failed or is slow."""
    failed = []
    for path in PAGES:
        begun = time.perf_counter()
        page.goto(base + path)
        traffic.until_quiet(page)
        seconds, slowest = time.perf_counter() - begun - QUIET_MS / 1000, max(traffic.seconds, default=0.0)
        told = page.locator("#fault").inner_text() if page.locator("#fault").count() else ""
        print(f"{path:<42}{seconds:>7.1f} s, slowest answer {slowest:.2f} s  {told}", flush=True)
        failed += [f"{path}: {told} {faults}"] if told or faults else []
        failed += [f"{path}: an answer of {slowest:.2f} s, not {SLOW_S}"] if slowest > SLOW_S else []
        faults.clear()
    return failed


def main() -> int:
    """Walk; `MISSED` when a question or page fails or is slow."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--studies", type=int, default=1_000_000)
    options.add_argument("--var", type=Path, help="the folder of an installation that benchmarks.hospital filled")
    options.add_argument("--short", action="store_true", help="few studies")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as player:
        settings = prepare(load_settings(var=chosen.var or Path(folder), orthanc_url="http://127.0.0.1:9"))
        if chosen.var is None:
            migrate.upgrade(settings.database)
            build(make_engine(settings.database), 20_000 if chosen.short else chosen.studies, say=lambda _line: None)
        prepared(settings)
        flags = ["--no-sandbox", "--disable-gpu", "--no-first-run"]
        browser = player.chromium.launch(executable_path="/usr/bin/chromium-headless-shell", args=flags)
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page, faults = context.new_page(), list[str]()
        page.on("pageerror", lambda error: faults.append(str(error)))
        with served(settings) as base:
            sign_in(page, base)
            traffic = Traffic(context, page)
            failed = ask(page, base, faults) + open_pages(page, traffic, base, faults)
            browser.close()
    for one in failed:
        print(f"missed: {one}")
    return MISSED if failed else 0


if __name__ == "__main__":
    sys.exit(main())
