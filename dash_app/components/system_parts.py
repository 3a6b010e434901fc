"""Pieces of the system page: state cards, the walk over Orthanc, what was lost, who was refused, who was heard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from dash import dcc, html

from dash_app.components.parts import attributes, badge, empty, icon, table
from dash_app.components.values import ago, free, ltr, plain_number, when
from dash_app.i18n import _, isolated, ngettext
from dash_app.ids import Id
from dash_app.vocabulary import PROCESS_STATES, word
from dose.queries import DeviceInfo, ProcessRow, RefusedPeerRow, SystemState

SILENT = timedelta(seconds=30)  # six missed heart-beats of the worker


def state_cards(state: SystemState, orthanc: dict[str, Any] | None) -> html.Div:
    """Is it running, how far is it, when did the last dose arrive."""
    worker = next((row for row in state.processes if row.name == "ingest"), None)
    waiting = sum(state.backlog.values())
    return html.Div(
        [
            _worker_card(worker),
            _orthanc_card(orthanc),
            _card(_("Waiting to be read"), plain_number(waiting),
                  _("everything was read") if not waiting else _backlog(state)),
            _card(_("Studies with dose"), plain_number(state.study_count),
                  _("newest: %(ago)s", ago=ago(state.newest_study_at))),
            _statistics_card(state),
            _card(_("Not readable"), plain_number(state.rejected_count),
                  dcc.Link(_("Rejected objects"), href="/rejected") if state.rejected_count
                  else _("nothing was rejected")),
        ],
        className="cards",
    )  # fmt: skip


def _card(name: str, value: Any, below: Any) -> html.Div:  # noqa: ANN401 - components
    parts = [html.Div(name, className="card-name"), html.Div(value, className="card-value"),
             html.Div(below, className="card-note")]  # fmt: skip
    return html.Div(parts, className="card")


def _statistics_card(state: SystemState) -> html.Div:
    if state.uncounted:
        text = ngettext("%(n)s study waits to be counted", "%(n)s studies wait to be counted", state.uncounted)
        return _card(_("Statistics"), badge(text, "amber", "clock"), _("The worker counts them; charts follow."))
    if state.uncountable_count:
        text = ngettext("%(n)s study is left out", "%(n)s studies are left out", state.uncountable_count)
        return _card(_("Statistics"), badge(text, "red", "note"), _("What to do stands below."))
    return _card(_("Statistics"), badge(_("up to date"), "fine", "ok"), _("every study is counted"))


def uncountable(state: SystemState) -> list[Any]:
    """Studies that statistics had to leave out, and what to do."""
    if not state.uncountable_count:
        return []
    text = ngettext("%(n)s study cannot be counted in statistics.", "%(n)s studies cannot be counted in statistics.",
                    state.uncountable_count)  # fmt: skip
    then = _(
        "Their doses are kept and shown; medians, levels and outliers leave them out. Look for a value that cannot be, "
        "correct it on the study's page, then run dacs db repair. The worker's log says why."
    )
    links = [
        dcc.Link(isolated(f"#{number}"), href=f"/studies/{number}", className="tally") for number in state.uncountable
    ]
    return [
        html.P([icon("note"), text], className="with-icon amber-text"),
        html.P(then),
        html.Div(links, className="tallies"),
    ]


def _orthanc_card(orthanc: dict[str, Any] | None) -> html.Div:
    if orthanc is None:
        return _card("Orthanc", badge(_("does not answer"), "red", "note"), _("Doses already here stay readable."))
    version = _("version %(version)s", version=isolated(str(orthanc["Version"])))
    return _card("Orthanc", badge(_("answers"), "fine", "ok"), version)


def _worker_card(worker: ProcessRow | None) -> html.Div:
    name = _("Ingest worker")
    if worker is None:
        return _card(name, badge(_("never ran"), "red", "note"), _("Start it with dacs run, or look at Orthanc's log."))
    if datetime.now(UTC) - worker.updated_at > SILENT and worker.state != "stopped":
        last = _("last sign of life: %(ago)s", ago=ago(worker.updated_at))
        return _card(name, badge(_("silent"), "red", "note"), last)
    kind, mark = {"running": ("fine", "ok"), "waiting": ("amber", "clock")}.get(worker.state, ("red", "note"))
    trouble = worker.detail.get("trouble") if worker.state != "running" else None
    below = (
        html.Bdi(str(trouble), lang="en", dir="ltr")
        if trouble
        else _("sign of life: %(ago)s", ago=ago(worker.updated_at))
    )
    return _card(name, badge(word(PROCESS_STATES, worker.state) or "", kind, mark), below)


def _backlog(state: SystemState) -> str:
    arrivals = state.backlog.get(0, 0) + state.backlog.get(1, 0)
    older = sum(state.backlog.values()) - arrivals
    texts = [_("%(n)s new", n=isolated(str(arrivals))) if arrivals else "",
             _("%(n)s from before", n=isolated(str(older))) if older else ""]  # fmt: skip
    return " · ".join(text for text in texts if text)


def sweep(state: SystemState, zone: str) -> list[Any]:
    """How far the reading of what Orthanc already held has come."""
    worker = next((row for row in state.processes if row.name == "ingest"), None)
    walk = (worker.detail.get("sweep") or {}) if worker else {}
    if not walk:
        return [html.P(_("Orthanc has not been walked through yet."), className="quiet")]
    seen, series = int(walk.get("seen", 0)), int(walk.get("series", 0))
    done = not walk.get("running")
    title = _("Reading what Orthanc already held") if walk.get("kind") == "back-fill" else _("Comparing with Orthanc")
    counted = _("%(seen)s of %(series)s series looked at, %(queued)s objects found to read",
                seen=isolated(str(seen)), series=isolated(str(max(series, seen))),
                queued=isolated(str(walk.get("queued", 0))))  # fmt: skip
    finished = walk.get("finished_at") if done else None
    at: list[Any] = [" · ", _("finished"), " ", when(datetime.fromisoformat(finished), zone)] if finished else []
    bar = html.Progress(value=str(seen), max=str(max(series, seen, 1)), **attributes(aria_label=title))
    return [
        html.Div(
            [html.Strong(title), None if done else bar, html.Span([counted, *at], className="quiet")],
            className="progress",
        )
    ]


def gaps(state: SystemState, zone: str) -> list[Any]:
    """Objects that vanished from Orthanc before they were read."""
    worker = next((row for row in state.processes if row.name == "ingest"), None)
    found = (worker.detail.get("gaps") or {}) if worker else {}
    lost = int(found.get("objects", 0))
    lines = int(found.get("lines", 0))
    if not lost and not lines:
        return [html.P([icon("ok"), _("No gap: nothing was deleted before it was read.")], className="quiet with-icon")]
    text = _("Objects deleted before they were read: %(objects)s. Lines of Orthanc's log that were gone: %(lines)s.",
             lines=isolated(str(lines)), objects=isolated(str(lost)))  # fmt: skip
    rows = [
        html.Li([when(_instant(gap["at"]), zone), " ", _lines(gap)]) for gap in reversed(found.get("latest", [])[-5:])
    ]
    return [html.P([icon("note"), text], className="with-icon amber-text"), html.Ul(rows, className="plain-list")]


def _lines(gap: dict[str, Any]) -> html.Bdi | None:
    first, last = gap.get("from"), gap.get("to")
    return None if first is None else ltr(str(first) if first == last else f"{first} … {last}", "code")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def refused(peers: tuple[RefusedPeerRow, ...], zone: str, *, may_admit: bool) -> list[Any]:
    """Devices that Orthanc turned away, and the button that lets one in."""
    if not peers:
        text = _("No device was turned away. A new scanner that sends to this Orthanc will stand here.")
        return [html.P([icon("ok"), text], className="quiet with-icon")]
    heads = [html.Th(text) for text in (_("AE title"), _("Address"), _("Times"), _("Last try"), "")]
    return [table(heads, [_peer(row, zone, may_admit) for row in peers], "compact")]


def _peer(row: RefusedPeerRow, zone: str, may_admit: bool) -> html.Tr:
    if row.admitted_at:
        action: Any = [badge(_("admitted"), "fine", "ok"), " ", free(row.admitted_by, "quiet")]
    elif may_admit:
        action = html.Button([icon("admit"), _("Admit this device")], className="button small",
                             **attributes(data_action=str(row.id), data_target=Id.SYSTEM_ACTION.value))  # fmt: skip
    else:
        action = None
    names = [ltr(row.aet, "code strong"), ltr(row.address, "code")]
    cells = [*names, plain_number(row.times), when(row.last_at, zone), action]
    return html.Tr([html.Td(cell) for cell in cells], key=str(row.id))


def devices(found: tuple[DeviceInfo, ...], zone: str) -> Any:  # noqa: ANN401 - a component
    """Who irradiates, and when it was last heard of."""
    if not found:
        return empty(_("No device yet"), html.P(_("A device stands here after its first dose report.")), "device")
    titles = (_("Device"), _("Modality"), _("Maker and model"), _("Serial number"), _("Station"), _("Last dose"))
    heads = [html.Th(text) for text in titles]
    return table(heads, [_device(row, zone) for row in found], "compact")


def _device(row: DeviceInfo, zone: str) -> html.Tr:
    maker = " ".join(dict.fromkeys(text for text in (row.manufacturer, row.model) if text))
    demo = badge(_("demo"), "neutral") if row.is_demo else None
    heard = [ago(row.last_seen_at), html.Div(when(row.last_seen_at, zone), className="second")]
    cells: list[Any] = [
        [free(row.name, "main"), " ", demo],
        html.Span(row.modality or "–", className="modality"),
        free(maker),
        ltr(row.serial_number),
        ltr(row.station_name),
        heard,
    ]
    return html.Tr([html.Td(cell) for cell in cells], key=str(row.id))


def given_up(state: SystemState, zone: str) -> list[Any]:
    """Objects whose reading failed too often for reasons of the world."""
    if not state.dead_items:
        return []
    text = ngettext("%(n)s object was given up after many tries.", "%(n)s objects were given up after many tries.",
                    state.dead_count)  # fmt: skip
    rows = [
        html.Tr([html.Td(ltr(item.orthanc_id, "code")), html.Td(plain_number(item.attempts)),
                 html.Td(html.Span(item.last_error, lang="en", dir="ltr")), html.Td(when(item.queued_at, zone))])
        for item in state.dead_items
    ]  # fmt: skip
    heads = [html.Th(text) for text in (_("Object"), _("Tries"), _("Last error"), _("Queued"))]
    return [html.P([icon("note"), text], className="with-icon amber-text"), table(heads, rows, "compact")]
