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
from dose.quantities import QUANTITIES
from dose.queries.levels import LevelRow
from dose.scope import Permission
from dose.store import levels

_FIELDS = {
    "procedure": N_("Procedure as the source names it"),
    "population": N_("Patients, as adult or 5-<15 kg"),
    "value": N_("Value"),
    "citation": N_("Source, with page or table"),
    "note": N_("Note"),
}


def set_form() -> html.Div:
    """The fields of a new set."""
    kinds = [{"value": kind, "label": _(text)} for kind, text in parts.KINDS.items()]
    fields = [
        dmc.TextInput(id=Id.LEVELS_NAME, label=_("Name"), size="xs"),
        dmc.Select(id=Id.LEVELS_KIND, label=_("Kind"), data=kinds, value="local", size="xs", allowDeselect=False),
        dmc.TextInput(id=Id.LEVELS_CITATION, label=_("Source, with page or table"), size="xs"),
        html.Button(_("Add the set"), id=Id.LEVELS_NEW, className="button small"),
    ]
    return html.Div(fields, className="fields")


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
            draft, former, procedure = _draft(said), number(said["id"]), number(said["procedure_id"])
            if former:
                levels.change_level(session, who, former, draft, procedure, day(said["from_day"]))
            else:
                levels.add_level(session, who, set_id, draft, procedure)
    except LevelRefused as refused:
        return no_update, parts.refusal(refused.code, refused.detail)
    return {"action": "said"}, no_update


def _draft(said: dict[str, str]) -> Draft:
    column = said["column"]
    unit = QUANTITIES[column].unit.replace("·", ".").replace("²", "2") if column in QUANTITIES else ""
    return checked(
        modality=said["modality"],
        procedure=said["procedure"],
        quantity=f"{NAMES.get(column, '')} {unit}",
        level=said["level"],
        phantom=said["phantom"],
        value=said["value"],
        statistic=said["statistic"],
        population=said["population"],
        citation=said["citation"],
        note=said["note"] or None,
    )
