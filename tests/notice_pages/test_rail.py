"""Numbers in the rail: what waits for the reader, within the reader's sites, in words too; none where nothing does."""

from __future__ import annotations

import pytest
from sqlalchemy import event, update

from dash_app import guard
from dose.database import writing
from dose.queries.pressing import CAP, pressing
from dose.scope import Permission, Role, Scope
from dose.store import outbox
from dose.store.outbox import OUTBOX, PARKED
from dose.tables import Alert, Site
from tests.alert_store.world import NOON, alert, notice
from tests.web.conftest import ORIGIN, Asked, twice, value
from tests.web.conftest import Site as App

ALL = Scope(1, "me", frozenset(Permission), None)


def counted(session, who: Scope = ALL) -> tuple[int | None, int | None]:
    found = pressing(session, who)
    return found.alerts, found.parked


def test_open_alerts_that_ask_to_act_or_go_at_once_are_counted_and_no_others(session):
    act, watch, at_once, closed = (alert(session, f"study:{n}") for n in range(4))
    session.execute(update(Alert).where(Alert.id.in_((watch, at_once))).values(severity="watch"))
    session.execute(update(Alert).where(Alert.id == at_once).values(at_once=True, state="work"))
    session.execute(update(Alert).where(Alert.id == closed).values(state="closed"))
    assert (act, counted(session)) == (1, (2, 0))


def test_only_what_the_reader_may_see_is_counted(session):
    site = Site(name="South")
    session.add(site)
    alert(session, "study:1")
    session.flush()
    session.execute(update(Alert).values(site_id=site.id))
    outbox.enqueue(session.connection(), [notice("a", None)], NOON)
    session.execute(update(OUTBOX).values(state=PARKED))
    limited = [Scope(1, "me", frozenset(Permission), sites) for sites in (frozenset({site.id}), frozenset({99}))]
    assert [counted(session, one) for one in (ALL, *limited)] == [(1, 1), (1, 0), (0, 0)]
    assert counted(session, Scope(1, "me", frozenset({Permission.VIEW_DOSES}), None)) == (1, None)
    assert counted(session, Scope(None, "nobody")) == (None, None)


def test_a_number_goes_no_further_than_anybody_counts(session):
    for n in range(CAP + 5):
        alert(session, f"study:{n}")
    assert counted(session) == (CAP + 1, 0)


def test_the_number_comes_from_its_own_index(session):
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("its planner takes another way while the table is small")
    asked: list[tuple[str, object]] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *said: asked.append((said[2], said[3])))
    counted(session)
    statement, values = next(one for one in asked if "alert.severity" in one[0])
    plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
    assert "ix_alert_pressing" in " ".join(row[3] for row in plan)


def page(path: str) -> Asked:
    outputs = "..page.children...rail.children...title.data.."
    return Asked(outputs, [value("url", "pathname", path)], [value("url", "search", "")])


def renewed(site: App) -> str:
    """What the badge of alerts says once an open page hears that something else waits."""
    output = next(name for name in site.app.callback_map if "rail-badge" in name)
    badge = {"id": {"at": "rail", "page": "/alerts", "type": "rail-badge"}, "property": "children"}
    body = {
        "output": output, "outputs": [[badge], {"id": "rail", "property": "data-waits"}], "state": [],
        "inputs": [value("rail-asked", "data", "1.0")], "changedPropIds": ["rail-asked.data"],
    }  # fmt: skip
    client = site.as_(Role.PHYSICIST)
    sent = {"Origin": ORIGIN, guard.CSRF_HEADER: twice(client)}
    return client.post("/_dash-update-component", json=body, headers=sent).get_data(as_text=True)


def test_the_rail_says_in_words_what_waits_and_an_open_page_hears_of_it(quiet_site: App) -> None:
    client = quiet_site.as_(Role.PHYSICIST)
    assert "asks to act" not in page("/today").send(client).get_data(as_text=True)
    assert client.get("/live/banners").get_json()["waits"] == "0.0"
    with writing(quiet_site.sessions) as session:
        alert(session, "study:1")
    assert "open alert asks to act" in page("/today").send(client).get_data(as_text=True)
    assert client.get("/live/banners").get_json()["waits"] == "1.0"
    assert "open alert asks to act" in renewed(quiet_site)
