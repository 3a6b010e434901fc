"""The first chart over a bad line: what travels, and what waits for what; 1 Mbit/s and 300 ms make seconds of both.

125 kB arrive in a second: 880 kB and three journeys are below 8 s, 40 kB and three journeys below 2 s. The seconds
themselves are measured by `benchmarks.bench_first_chart`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dose.store import facts
from tests.browser.conftest import Visit
from tests.web.conftest import Site

pytestmark = pytest.mark.browser
LINE = {"offline": False, "latency": 300, "downloadThroughput": 125_000, "uploadThroughput": 125_000}
CHART = ".js-plotly-plot .main-svg"
PATIENCE_MS = 90_000  # a busy machine takes its time to draw
OPENS_PAGE = '"..page.children'
FIRST_BYTES, AGAIN_BYTES = 880_000, 40_000


class Traffic:
    """What a page asks for over the bad line: address, who asked (parser or script), and bytes that came."""

    def __init__(self, one: Visit) -> None:
        self.asked: dict[str, tuple[str, str]] = {}
        self.bytes: dict[str, int] = {}
        self.said: list[str] = []
        line = one.context.new_cdp_session(one.page)
        line.send("Network.enable")
        line.send("Network.clearBrowserCache")
        line.send("Network.emulateNetworkConditions", LINE)
        line.on("Network.requestWillBeSent", self._asks)
        line.on(
            "Network.loadingFinished", lambda said: self.bytes.update({said["requestId"]: said["encodedDataLength"]})
        )

    def _asks(self, said: dict) -> None:
        self.asked[said["requestId"]] = (said["request"]["url"], said["initiator"]["type"])
        self.said.append(said["request"].get("postData") or "")

    def until_chart(self, one: Visit, go: Callable[[], object]) -> list[tuple[str, str]]:
        """What was asked for until the first chart."""
        self.asked.clear()
        self.bytes.clear()
        go()
        one.page.wait_for_selector(CHART, state="attached", timeout=PATIENCE_MS)
        return [asked for asked in self.asked.values() if not asked[0].startswith("data:")]

    @property
    def travelled(self) -> float:
        """Bytes over the line, compressed and with their heads."""
        return sum(self.bytes.values())


@pytest.mark.parametrize("path", ["/statistics", "/today"])
def test_the_first_chart_needs_few_bytes_and_few_journeys(visit, site: Site, path: str) -> None:
    one = visit(viewport={"width": 1366, "height": 800}).sign_in()
    facts.catch_up(site.sessions)
    traffic = Traffic(one)
    first = traffic.until_chart(one, lambda: one.page.goto(one.base + path, wait_until="commit"))
    assert traffic.travelled < FIRST_BYTES
    assert not [said for said in traffic.said if OPENS_PAGE in said]  # the index brought the page along
    assert not [url for url, _ in first if url.endswith(("/_dash-layout", "/_dash-dependencies"))]
    assert [by for url, by in first if "/plotly-" in url][:1] == ["parser"]  # asked for with the page, not after it
    again = traffic.until_chart(one, lambda: one.page.reload(wait_until="commit"))
    assert traffic.travelled < AGAIN_BYTES
    assert len([url for url, by in again if by == "script"]) < 12
