"""Seconds to the first chart over 1 Mbit/s and 300 ms, with an empty browser and reloaded.

python -m benchmarks.bench_first_chart [--studies 300]

On this machine alone: Chromium slows the line down, the pages are drawn by the same processors that serve them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path

from flask import Flask
from playwright.sync_api import Browser, sync_playwright
from waitress.server import create_server

from benchmarks import MISSED
from dacs.demo import load_directly
from dacs.synthetic.hospital import demo_studies
from dash_app.main import create_app
from dash_app.weight import BEST
from dose import accounts, migrate
from dose.crypto import KeyRing, use_keys
from dose.database import make_engine, session_factory, writing
from dose.scope import Role
from dose.settings import Settings
from dose.store import facts
from tests.browser.conftest import Visit
from tests.browser.test_first_chart import Traffic
from tests.web.conftest import PASSWORD, address

GOALS_S = {"first": 8.0, "again": 2.0}
PAGES = ("/statistics", "/today")


def main() -> int:
    """Measure each page; `MISSED` when one is slower than its goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=300)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as player:
        site = _site(Path(folder), parser.parse_args().studies)
        server = create_server(site, host="127.0.0.1", port=0, threads=8)
        threading.Thread(target=server.run, daemon=True).start()
        browser = player.chromium.launch(
            executable_path="/usr/bin/chromium-headless-shell", args=["--no-sandbox", "--disable-gpu"]
        )
        base = f"http://127.0.0.1:{server.effective_port}"
        _seconds(browser, base, PAGES[0])  # after this the scripts are being compressed as well as they can be
        site.extensions[BEST].submit(bool).result()  # done in turn: then they are
        met = [_told(path, *_seconds(browser, base, path)) for path in PAGES]
        browser.close()
        server.close()
    return 0 if all(met) else MISSED


def _site(folder: Path, studies: int) -> Flask:
    use_keys(KeyRing({1: bytes(range(32))}))
    settings = Settings(var=folder, secret_key="s" * 40, orthanc_url="http://127.0.0.1:9")
    migrate.upgrade(settings.database)
    sessions = session_factory(make_engine(settings.database))
    load_directly(sessions, demo_studies(count=studies))
    facts.catch_up(sessions)
    with writing(sessions) as session:
        accounts.create_user(session, address(Role.PHYSICIST), PASSWORD, [Role.PHYSICIST.value])
    site: Flask = create_app(settings, sessions).server
    return site


def _seconds(browser: Browser, base: str, path: str) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds and kilobytes until the chart stands: with an empty browser, and reloaded."""
    one = Visit(browser, base, viewport={"width": 1366, "height": 800}).sign_in()
    traffic, seconds, kilobytes = Traffic(one), {}, {}
    ways = {"first": lambda: one.page.goto(base + path, wait_until="commit"),
            "again": lambda: one.page.reload(wait_until="commit")}  # fmt: skip
    for name, go in ways.items():
        began = time.perf_counter()
        traffic.until_chart(one, go)
        seconds[name], kilobytes[name] = time.perf_counter() - began, traffic.travelled / 1000
        one.page.wait_for_load_state("networkidle")
    one.context.close()
    return seconds, kilobytes


def _told(path: str, seconds: dict[str, float], kilobytes: dict[str, float]) -> bool:
    for name, goal in GOALS_S.items():
        verdict = "" if seconds[name] <= goal else "  MISSED"
        print(f"{path:12} {name:6} {seconds[name]:5.2f} s  {kilobytes[name]:6.0f} kB  goal {goal:g} s{verdict}")
    return all(seconds[name] <= goal for name, goal in GOALS_S.items())


if __name__ == "__main__":
    sys.exit(main())
