"""Forms of the pages about reference levels: a set, and a level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import Input, Output, State, callback, html, no_update
from dash.dependencies import ALL
from dash.exceptions import PreventUpdate

from dash_app.components import level_parts as parts
from dash_app.context import changing
from dash_app.filters import day, number
from dash_app.i18n import N_, _
from dash_app.ids import Id, level_id
from dose.levels.draft import MODALITIES, NAMES, STATISTICS, Draft, LevelRefused, checked
from dose.levels.population import NEXT_GROUP, WHOLE_YEARS, parse_group
from dose.quantities import QUANTITIES
from dose.queries.levels import LevelRow
from dose.queries.levels import level as ask_level
from dose.scope import Permission
from dose.store import levels

ALSO_THERE = "also-there"
_FIELDS = {
    "procedure": N_("Procedure as the source names it"),
    "population": N_("Patients, as adult or 5-<15 kg"),
    "value": N_("Value"),
    "citation": N_("Source, with page or table"),
    "note": N_("Note"),
}


SET_FIELDS = {
    "name": Id.LEVELS_NAME, "kind": Id.LEVELS_KIND, "citation": Id.LEVELS_CITATION, "authority": Id.LEVELS_AUTHORITY,
    "edition": Id.LEVELS_EDITION, "site_id": Id.LEVELS_SITE, "device_id": Id.LEVELS_DEVICE,
}  # fmt: skip


def set_form(
    sites: Sequence[tuple[int, str]], devices: Sequence[tuple[int, str]], own_site: int | None = None
) -> html.Div:
    """The fields of a new set; `own_site` is that of somebody who may change levels of one site only."""
    kinds = [{"value": kind, "label": _(text)} for kind, text in parts.KINDS.items()]
    texts = (("citation", _("Source, with page or table")), ("authority", _("Who publishes it")),
             ("edition", _("Edition")))  # fmt: skip
    places = (("site_id", _("Site"), _("all sites"), sites), ("device_id", _("Device"), _("all devices"), devices))
    fields = [
        dmc.TextInput(id=Id.LEVELS_NAME, label=_("Name"), size="xs"),
        dmc.Select(id=Id.LEVELS_KIND, label=_("Kind"), data=kinds, value="local", size="xs", allowDeselect=False),
        *(dmc.TextInput(id=SET_FIELDS[name], label=label, size="xs") for name, label in texts),
        *(
            dmc.Select(id=SET_FIELDS[name], label=label, placeholder=every, data=_offered(found), size="xs",
                       value=str(own_site) if own_site and name == "site_id" else None, clearable=True, searchable=True)
            for name, label, every, found in places
        ),
        html.Button(_("Add the set"), id=Id.LEVELS_NEW, className="button small"),
    ]  # fmt: skip
    return html.Div(fields, className="fields")


def _offered(found: Sequence[tuple[int, str]]) -> list[dict[str, str]]:
    return [{"value": str(number), "label": name} for number, name in found]


def level_form(row: LevelRow | None, procedures: Sequence[dict[str, str]]) -> html.Div:
    """The fields of a level, filled with `row` when it is to be changed."""
    said = _said(row)
    texts = [
        dmc.TextInput(id=level_id(name), label=_(text), value=said[name], size="xs") for name, text in _FIELDS.items()
    ]
    lists = [
        _select("procedure_id", _("Standard procedure"), procedures, said, searchable=True, clearable=True),
        _select("modality", _("Modality"), [{"value": one, "label": one} for one in MODALITIES], said),
        _select(
            "column",
            _("Quantity"),
            [{"value": c, "label": f"{n} ({QUANTITIES[c].unit})"} for c, n in NAMES.items()],
            said,
        ),
        _select(
            "level",
            _("Compared with"),
            [{"value": one, "label": _(parts.LEVELS[one])} for one in ("event", "study")],
            said,
        ),
        _select(
            "phantom", _("Phantom"), [{"value": one, "label": one} for one in ("16 cm", "32 cm")], said, clearable=True
        ),
        _select(
            "statistic", _("Statistic"), [{"value": one, "label": _(parts.STATISTICS[one])} for one in STATISTICS], said
        ),
    ]
    begins = dmc.TextInput(
        id=level_id("from_day"),
        label=_("New value from"),
        value="",
        inputProps={"type": "date"},
        size="xs",
        description=_("Empty: the former value was wrong"),
    )
    hidden = dmc.TextInput(id=level_id("id"), value=str(row.id) if row else "", style={"display": "none"})
    button = html.Button(_("Save the level"), id=Id.LEVEL_SAVE, className="button small primary")
    begins = begins if row else html.Div(begins, hidden=True)
    return html.Div([_main(lists, texts, begins, hidden, button), also(row, procedures)])


def _main(lists: list[Any], texts: list[Any], begins: Any, hidden: Any, button: Any) -> html.Div:  # noqa: ANN401
    return html.Div(
        [
            lists[0],
            texts[0],
            *lists[1:4],
            lists[4],
            texts[2],
            texts[1],
            lists[5],
            texts[3],
            texts[4],
            begins,
            hidden,
            button,
        ],
        className="fields",
    )


def also(row: LevelRow | None, procedures: Sequence[dict[str, str]]) -> html.Div:
    """One more procedure that a level holds for; there only where a level is changed."""
    procedure = dmc.Select(id=Id.LEVEL_ALSO_FOR, label=_("The same level also holds for"), data=list(procedures),
                           searchable=True, clearable=True, size="xs")  # fmt: skip
    button = html.Button(_("Add it for this procedure"), id=Id.LEVEL_ALSO, className="button small")
    return html.Div([procedure, button], className="fields also-for", hidden=row is None)


def _select(name: str, label: str, data: Sequence[dict[str, str]], said: dict[str, str], **more: Any) -> Any:  # noqa: ANN401
    return dmc.Select(id=level_id(name), label=label, data=list(data), value=said[name] or None, size="xs", **more)


def _said(row: LevelRow | None) -> dict[str, str]:
    if row is None:
        return dict.fromkeys((*_FIELDS, "procedure_id", "phantom"), "") | {
            "modality": "CT",
            "column": "dlp_mgy_cm",
            "level": "study",
            "statistic": "drl",
        }
    return {
        "procedure": row.procedure_text,
        "population": row.population,
        "value": repr(row.value),
        "citation": row.citation,
        "note": row.note or "",
        "procedure_id": str(row.procedure_id or ""),
        "phantom": f"{row.phantom} cm" if row.phantom else "",
        "modality": row.modality,
        "column": row.column,
        "level": row.level,
        "statistic": row.statistic,
    }


@callback(
    Output(Id.LEVEL_ACTION, "data", allow_duplicate=True),
    Output(Id.LEVEL_ANSWER, "children", allow_duplicate=True),
    Input(Id.LEVEL_ALSO, "n_clicks"),
    State(level_id("id"), "value"),
    State(Id.LEVEL_ALSO_FOR, "value"),
    prevent_initial_call=True,
)
def add_procedure(clicks: int | None, level: str | None, procedure: str | None) -> tuple[Any, Any]:
    """Let the level that is being changed hold for one more procedure."""
    if not clicks or not level:
        raise PreventUpdate
    try:
        with changing(Permission.MANAGE_LEVELS) as (session, who):
            levels.also_for(session, who, number(level) or 0, number(procedure) or 0)
    except LevelRefused as refused:
        return no_update, parts.refusal(ALSO_THERE if refused.code == levels.CHANGED else refused.code)
    return {"action": "said"}, no_update


@callback(
    Output(Id.LEVEL_ACTION, "data", allow_duplicate=True),
    Output(Id.LEVEL_ANSWER, "children", allow_duplicate=True),
    Input(Id.LEVEL_SAVE, "n_clicks"),
    State(level_id(ALL), "value"),
    State(level_id(ALL), "id"),
    State(Id.LEVEL_SET, "data"),
    prevent_initial_call=True,
)
def save_level(
    clicks: int | None, values: list[str | None], names: list[dict[str, str]], set_id: int
) -> tuple[Any, Any]:
    """Add a level, or replace one by what was typed."""
    if not clicks:
        raise PreventUpdate
    said = {one["name"]: (value or "").strip() for one, value in zip(names, values, strict=True)}
    try:
        with changing(Permission.MANAGE_LEVELS) as (session, who):
            former, procedure = number(said["id"]), number(said["procedure_id"])
            draft = _draft(said, ask_level(session, who, former) if former else None)
            if former:
                levels.change_level(session, who, former, draft, procedure, day(said["from_day"]))
            else:
                levels.add_level(session, who, set_id, draft, procedure)
    except LevelRefused as refused:
        return no_update, parts.refusal(refused.code, refused.detail)
    return {"action": "said"}, no_update


def _draft(said: dict[str, str], former: LevelRow | None) -> Draft:
    """What was typed; a group as *1-5 y*, which its table alone explains, stays what it was."""
    population, column = said["population"], said["column"]
    known = (WHOLE_YEARS, NEXT_GROUP) if former else ()
    ends = next((one for one in known if former and parse_group(population, one) == former.group), None)
    unit = QUANTITIES[column].unit.replace("·", ".").replace("²", "2") if column in QUANTITIES else ""
    return checked(
        modality=said["modality"],
        procedure=said["procedure"],
        quantity=f"{NAMES.get(column, '')} {unit}",
        level=said["level"],
        phantom=said["phantom"],
        value=said["value"],
        statistic=said["statistic"],
        population=population,
        ends=ends,
        citation=said["citation"],
        note=said["note"] or None,
    )
