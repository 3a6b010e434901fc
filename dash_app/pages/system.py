"""Is it running, how far is it, who was heard, who was turned away."""

from __future__ import annotations

import re
from typing import Any

import dash_mantine_components as dmc
from dash import Input, Output, State, callback, dcc, html, no_update
from flask import request

from dash_app.components.parts import attributes, icon, page_head, section
from dash_app.components.system_parts import devices, gaps, given_up, refused, state_cards, sweep, uncountable
from dash_app.context import changing, reading, scope, web
from dash_app.i18n import _, isolated
from dash_app.ids import Id
from dose import __version__, audit
from dose.extract import READER_VERSION
from dose.pacs import PacsError
from dose.queries import RefusedPeerRow, SystemState, mark_admitted, request_comparison, system_state
from dose.scope import Permission

TICK_MS = 5000
DICOM_PORT = 104


def layout(search: str = "") -> html.Div:  # noqa: ARG001 - every layout gets the address
    """The page around the state; it asks again every few seconds."""
    bones = [html.Div(className="bone block", style={"height": height}) for height in (96, 60, 160)]
    return html.Div(
        [
            page_head(_("System")),
            html.Div(id=Id.SYSTEM_ANSWER, role="status"),
            html.Div(bones, id=Id.SYSTEM_BODY),
            dcc.Interval(id=Id.SYSTEM_TICK, interval=TICK_MS),
            dcc.Store(id=Id.SYSTEM_ACTION),
            dcc.Store(id=Id.SYSTEM_COMPARE),
            _dialog(),
        ]
    )


def _dialog() -> dmc.Modal:
    return dmc.Modal(
        html.Div(
            [
                html.Div(id=Id.ADMIT_TEXT),
                dmc.TextInput(id=Id.ADMIT_NAME, label=_("Name in Orthanc"), description=_("Letters, digits, - and _")),
                dmc.NumberInput(id=Id.ADMIT_PORT, label=_("Port of the device"), value=DICOM_PORT, min=1, max=65535,
                                description=_("Only used to send back to it.")),
                html.Button([icon("admit"), _("Admit this device")], id=Id.ADMIT_DO, className="button primary"),
            ],
            className="dialog",
        ),
        id=Id.ADMIT,
        title=_("Admit a device"),
        centered=True,
        closeButtonProps={"aria-label": _("Close")},
    )  # fmt: skip


@callback(Output(Id.SYSTEM_BODY, "children"), Input(Id.SYSTEM_TICK, "n_intervals"), Input(Id.SYSTEM_ANSWER, "children"))
def show_system(_tick: int | None, _answer: Any) -> list[Any]:  # noqa: ANN401 - a trigger
    """The state of the moment."""
    with reading(Permission.VIEW_SYSTEM) as (session, who):
        state = system_state(session, who)
    zone, admit = web().settings.time_zone, scope().may(Permission.ADMIT_DEVICES)
    orthanc = _orthanc()
    return [
        state_cards(state, orthanc),
        section(
            _("Stock of Orthanc"),
            [*sweep(state, zone), *gaps(state, zone), *given_up(state, zone)],
            _compare_button() if scope().may(Permission.COMPARE) else None,
        ),
        *([section(_("Left out of statistics"), uncountable(state))] if state.uncountable_count else []),
        section(_("Devices turned away"), refused(state.refused_peers, zone, may_admit=admit)),
        section(_("Devices"), [devices(state.devices, zone)]),
        _versions(state, orthanc),
    ]


def _orthanc() -> dict[str, Any] | None:
    try:
        return web().orthanc.system()
    except PacsError:
        return None


def _versions(state: SystemState, orthanc: dict[str, Any] | None) -> html.P:
    said = [
        f"DACS {__version__}",
        _("reader %(version)s", version=isolated(str(READER_VERSION))),
        f"Orthanc {orthanc['Version']}" if orthanc else None,
        *[f"{row.name} {row.detail['version']}" for row in state.processes if "version" in row.detail],
    ]
    return html.P(" · ".join(text for text in said if text), className="quiet versions")


@callback(
    Output(Id.ADMIT, "opened"),
    Output(Id.ADMIT_TEXT, "children"),
    Output(Id.ADMIT_NAME, "value"),
    Input(Id.SYSTEM_ACTION, "data"),
    prevent_initial_call=True,
)
def ask_admission(asked: dict[str, Any] | None) -> tuple[Any, ...]:
    """Open the dialog for the device whose button was pressed."""
    with reading(Permission.ADMIT_DEVICES) as (session, who):
        peer = _peer(system_state(session, who).refused_peers, asked)
    if peer is None:
        return False, None, ""
    text = _(
        "Orthanc will accept studies from %(aet)s at %(address)s.",
        aet=isolated(peer.aet),
        address=isolated(peer.address),
    )
    return True, html.P(text), _symbolic(peer.aet)


@callback(
    Output(Id.SYSTEM_ANSWER, "children"),
    Output(Id.ADMIT, "opened", allow_duplicate=True),
    Input(Id.ADMIT_DO, "n_clicks"),
    State(Id.SYSTEM_ACTION, "data"),
    State(Id.ADMIT_NAME, "value"),
    State(Id.ADMIT_PORT, "value"),
    prevent_initial_call=True,
)
def admit(clicks: int | None, asked: dict[str, Any] | None, name: str | None, port: Any) -> tuple[Any, Any]:  # noqa: ANN401
    """Tell Orthanc to accept the device from now on."""
    if not clicks:
        return no_update, no_update
    with reading(Permission.ADMIT_DEVICES) as (session, who):
        peer = _peer(system_state(session, who).refused_peers, asked)
    if peer is None:
        return _said("bad", _("This device does not stand here any more.")), False
    try:
        web().orthanc.admit(_symbolic(name or peer.aet), peer.aet, peer.address, _port(port))
    except PacsError as error:
        return _said("bad", _("Orthanc did not admit the device: %(why)s", why=isolated(str(error)))), False
    # Only now: whoever writes while Orthanc thinks keeps the reports waiting.
    with changing(Permission.ADMIT_DEVICES) as (session, who):
        mark_admitted(session, who, peer.id)
        audit.record(session, who, audit.Action.ADMIT_PEER, subject="peer", subject_id=peer.id,
                     address=request.remote_addr)  # fmt: skip
    return _said("good", _("Admitted. Ask the device to send again.")), False


@callback(
    Output(Id.SYSTEM_ANSWER, "children", allow_duplicate=True),
    Input(Id.SYSTEM_COMPARE, "data"),
    prevent_initial_call=True,
)
def compare(_asked: dict[str, Any] | None) -> Any:  # noqa: ANN401 - a component
    """Have the worker look through all of Orthanc once more."""
    with changing(Permission.COMPARE) as (session, who):
        asked = request_comparison(session, who)
        audit.record(session, who, audit.Action.COMPARE, subject="orthanc", asked=asked, address=request.remote_addr)
    if asked:
        return _said("good", _("The worker compares Orthanc with the database; its progress stands below."))
    return _said("bad", _("No worker has read this Orthanc yet."))


def _compare_button() -> html.Button:
    return html.Button([icon("retry"), _("Compare now")], className="button small",
                       **attributes(data_action="compare", data_target=Id.SYSTEM_COMPARE.value))  # fmt: skip


def _peer(peers: tuple[RefusedPeerRow, ...], asked: dict[str, Any] | None) -> RefusedPeerRow | None:
    wanted = str((asked or {}).get("action", ""))
    return next((row for row in peers if str(row.id) == wanted), None)


def _symbolic(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", name.strip())[:64] or "device"


def _port(port: Any) -> int:  # noqa: ANN401 - what a number field gives
    return int(port) if isinstance(port, int) and 0 < port < 65536 else DICOM_PORT


def _said(kind: str, text: str) -> html.Div:
    return html.Div([icon("ok" if kind == "good" else "note"), html.Span(text)], className=f"message {kind}")
