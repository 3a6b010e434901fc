"""Studies that statistics could not count are told on the system page, with what to do; charts of Today as pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from dose.queries.system import system_state
from dose.scope import Role, system_scope
from dose.statistics import counting
from dose.store.facts import catch_up
from tests.corrections.ward import of, study
from tests.independent.visitor import over_another, visit
from tests.store.pretend import event, put
from tests.web.conftest import Asked, Site, site, value

__all__ = ["site"]


def test_what_cannot_be_counted_is_named_with_what_to_do(
    site: Site, migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.as_(Role.PHYSICIST)
    with over_another(site, migrated_sqlite, tmp_path) as here:
        for name in "ABC":
            put(here.sessions, of(name, 1, event(f"1.9.{ord(name)}", 5.0)))
        client, odd, count = here.as_(Role.PHYSICIST), study(here.sessions, "B").id, counting.count
        assert "3 studies wait to be counted" in plain(visit(client, "/system").text)
        monkeypatch.setattr(counting, "count", lambda row, them: 1 / 0 if row["id"] == odd else count(row, them))
        catch_up(here.sessions)
        text = plain(visit(client, "/system").text)
        assert "1 study cannot be counted in statistics." in text
        assert f'"href":"/studies/{odd}"' in text
        assert "dacs db repair" in text
        with here.sessions() as session:
            state = system_state(session, system_scope("test"))
        assert (state.uncounted, state.uncountable, state.uncountable_count) == (0, (odd,), 1)


def plain(text: str) -> str:
    """An answer without marks of direction."""
    return text.replace("\\u2068", "").replace("\\u2069", "").replace("\\u002f", "/").replace("\\u2066", "")


PICTURE = Asked("today-png-ready.data", [value("today-png", "data", {"action": "today-volume", "at": 1})],
                [value("url", "search", "?from=2024-01-01")])  # fmt: skip


def test_a_chart_of_today_is_taken_away_by_who_may_and_by_nobody_else(site: Site) -> None:
    catch_up(site.sessions)
    said = PICTURE.send(site.as_(Role.MANAGER)).get_json()["response"]["today-png-ready"]["data"]
    assert said["chart"] == "today-volume"
    assert said["name"].startswith("today-volume-202401-")
    assert PICTURE.send(site.as_(Role.RESEARCHER)).status_code == 403
    wrong = Asked(PICTURE.output, [value("today-png", "data", {"action": "x"})], PICTURE.state)
    assert wrong.send(site.as_(Role.MANAGER)).status_code == 204
    assert '"data-action":"today-spread"' in visit(site.as_(Role.MANAGER), "/today", "?from=2024-01-01").text
