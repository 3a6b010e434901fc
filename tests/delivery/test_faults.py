"""The long fault run of `benchmarks.fault_notify`, in short, on each engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fault_notify import kills, storm
from tests.delivery.process import site

pytestmark = [pytest.mark.slow, pytest.mark.integration]


def test_processes_that_are_killed_and_peers_that_lie_lose_nothing_and_tell_nobody_twice(
    tmp_path: Path, database_url: str
) -> None:
    with site(tmp_path, 10, url=database_url) as one:
        assert kills(one, 3, 120, seed=7) == []
        assert storm(one, 500) == []
