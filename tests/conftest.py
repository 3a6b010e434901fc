"""What every test may use: the corpus of real objects (beside the checkout, never inside) and a key ring."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from dose.crypto import KeyRing, use_keys
from tests import one_dialect

pytest_plugins = ["tests.data_fixtures"]
ROOT = Path(__file__).resolve().parent.parent
# How long an example takes says more about the machine than about the code.
settings.register_profile("dacs", deadline=None)
settings.load_profile("dacs")
one_dialect.share()
CORPUS = Path(os.environ.get("DACS_CORPUS", ROOT.parent / "shared" / "corpus"))

# The browser without its own windows: the same engine, a quarter of the time for each visit
CHROMIUM = Path("/usr/bin/chromium-headless-shell")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
]


# Folders whose files take longest, in this order: begun first, they do not keep one process busy when others are done.
LONGEST = ("end_to_end", "orthanc", "delivery", "dacs", "independent", "browser")


def _turn(item: pytest.Item) -> int:
    folder = item.path.parent.name
    return LONGEST.index(folder) if folder in LONGEST else len(LONGEST)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest; skip what needs the corpus, saying so, where the corpus is absent."""
    items.sort(key=_turn)
    if CORPUS.is_dir():
        return
    absent = pytest.mark.skip(reason=f"no corpus of real dose objects at {CORPUS}")
    for item in items:
        if item.get_closest_marker("corpus"):
            item.add_marker(absent)


def pytest_collection_finish() -> None:
    """Keep libraries and collected tests out of full garbage collections, which took a second each, in any test."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One browser for the whole run: Playwright's synchronous door opens only once a process."""
    sync = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}")
    with sync.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real dose objects."""
    return CORPUS


@pytest.fixture(scope="session", autouse=True)
def key_ring() -> KeyRing:
    """One key ring for the whole test run."""
    ring = KeyRing({1: bytes(range(32))})
    use_keys(ring)
    return ring


@pytest.fixture(autouse=True)
def keys_as_before(key_ring: KeyRing) -> Iterator[None]:
    """Commands that a test runs in this process use the keys of their own site: take them back."""
    yield
    use_keys(key_ring)
