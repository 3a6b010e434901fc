"""Pieces of the page of procedures: all of them, the form of one of the site, and what was said about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dash_app.components.name_words import REFUSED_TABLES
from dash_app.components.parts import attributes, badge, icon, table
from dash_app.components.values import free, ltr, plain_number, when
from dash_app.filters import address
from dash_app.i18n import LANGUAGES, N_, _, isolated, language
from dash_app.ids import Id, procedure_id
from dash_app.procedure_names import procedure_said
from dose.queries.choice import one_of, text_of
from dose.queries.naming import ProcedureRow
from dose.queries.procedures import ProcedureChangeRow
from dose.reference import vocabulary
from dose.store.procedures import SITE, ProcedureGone, ProcedureRefused

MODALITIES = ("CT", "DX", "MG", "XA", "RF", "PX", "IO", "PT", "NM", "BD")
FIELDS = ("en", "fr", "ar", "modality", "region", "rpid", "loinc")
REFUSED = {
    "name": N_("Say what it is called, in one language at least."),
    "letters": N_("A name has at most 160 letters."),
    "modality": N_("This is no modality."),
    "region": N_("There is no such region of the body."),
    "code": N_("This is no code of this vocabulary: RPID and digits, or a LOINC number with its check digit."),
    "taken": N_("Another procedure has this code."),
    "twin": N_("Another procedure of this modality is called so."),
    "ruled": N_("Rules in force name studies of another modality so: change them first."),
    "shipped": N_("Of shipped procedures only their use can be changed."),
    "elsewhere": N_("A procedure is for all sites; your account names for its own sites only."),
    "key": N_("A new procedure has no key, or one that begins with local:"),
} | REFUSED_TABLES
_WITH_FIELD = frozenset({"taken", "twin", "ruled", "key", "column"})


def refused_text(code: str, field: str | None) -> str:
    """Why a procedure cannot be so."""
    text = _(REFUSED[code])
    return f"{text} ({isolated(field)})" if field and code in _WITH_FIELD else text


def problem(trouble: ProcedureRefused | ProcedureGone) -> str:
    """Why nothing was stored."""
    if isinstance(trouble, ProcedureRefused):
        return refused_text(trouble.code, trouble.field)
    return _("%(who)s changed this procedure meanwhile. Nothing of yours was stored: open it again.",
             who=isolated(trouble.by or "?"))  # fmt: skip


def procedure_form(said: Mapping[str, Any] | None) -> html.Details:
    """The form of a procedure of the site: empty for a new one."""
    known = said or {"names": {}}
    names = [
        dmc.TextInput(id=procedure_id(one), label=_("Name, %(language)s", language=name), size="xs", className="wide",
                      value=known["names"].get(one, ""),
                      inputProps={"lang": one, "dir": "auto", "maxLength": 160, "autoComplete": "off"})
        for one, name in LANGUAGES.items()
    ]  # fmt: skip
    regions = [{"value": one, "label": vocabulary.region_name(one, language()) or one} for one in vocabulary.regions()]
    codes = [
        dmc.TextInput(id=procedure_id(one), label=label, value=known.get(one) or "", size="xs",
                      inputProps={"dir": "ltr", "maxLength": 20, "autoComplete": "off"})
        for one, label in (("rpid", _("RadLex Playbook code")), ("loinc", _("LOINC code")))
    ]  # fmt: skip
    inside = [
        *names,
        _select("modality", _("Modality"), list(MODALITIES), known.get("modality")),
        _select("region", _("Body region"), regions, known.get("region")),
        *codes,
        html.Button([icon("ok"), _("Save the procedure")], id=Id.PROCEDURE_SAVE, className="button primary"),
    ]
    summary = html.Summary(_("Change the procedure") if said else _("Add a procedure"), className="button small")
    return html.Details([summary, html.Div(inside, className="pattern-form")], open=bool(said), className="more-fields")


def _select(name: str, label: str, data: Any, value: str | None) -> dmc.Select:  # noqa: ANN401
    return dmc.Select(id=procedure_id(name), label=label, data=data, value=value, size="xs", clearable=True,
                      searchable=True, nothingFoundMessage=_("None"))  # fmt: skip


def procedure_table(rows: Sequence[ProcedureRow], studies: Mapping[int, int], target: str | None) -> html.Div:
    """Procedures with their codes and studies; with `target` they can be changed and switched off."""
    titles = (_("Procedure"), _("Code"), _("Modality"), _("Body region"), _("Studies"), "")
    heads = [html.Th(text, scope="col", className="dose" if n == 4 else None) for n, text in enumerate(titles)]
    return table(heads, [_row(row, studies.get(row.id, 0), target) for row in rows], "stack names")


def _row(row: ProcedureRow, studies: int, target: str | None) -> html.Tr:
    own = [" ", badge(_("of the site"))] if row.origin == SITE else []
    off = [" ", badge(_("not in use"), "amber", "close")] if not row.active else []
    known = (row.key, row.rpid, None if row.key == f"LN {row.loinc}" else row.loinc)
    codes = ltr(" · ".join(code for code in dict.fromkeys(known) if code), "code")
    href = address({"where": text_of(one_of("procedure", row.id))})
    count: Any = dcc.Link(plain_number(studies), href=href, title=_("Show the studies")) if studies else "–"
    cells: list[Any] = [
        [free(procedure_said(row.id, row.name), "main"), *own, *off], codes, row.modality or _("all"),
        vocabulary.region_name(row.region, language()) or "–", count, _actions(row, target),
    ]  # fmt: skip
    tds = [html.Td(cell, className="dose" if n == 4 else None) for n, cell in enumerate(cells)]
    return html.Tr(tds, key=str(row.id), className=None if row.active else "off")


def _actions(row: ProcedureRow, target: str | None) -> Any:  # noqa: ANN401 - a component
    if target is None:
        return None
    edit = dcc.Link(_("Edit"), href=f"/names/procedures?edit={row.id}", className="button small")
    what, text = ("off", _("Switch off")) if row.active else ("on", _("Use again"))
    switch = html.Button(text, className="button small",
                         **attributes(data_action=f"{what}:{row.id}", data_target=target))  # fmt: skip
    return html.Div([edit if row.origin == SITE else None, switch], className="row-actions")


def changes_table(rows: Sequence[ProcedureChangeRow], zone: str, target: str | None) -> html.Div:
    """What was said about procedures, the newest first."""
    titles = (_("When, who"), _("What"), _("Procedure"), "")
    return table([html.Th(text, scope="col") for text in titles], [_change(row, zone, target) for row in rows],
                 "stack names")  # fmt: skip


def _change(row: ProcedureChangeRow, zone: str, target: str | None) -> html.Tr:
    undo = html.Button([icon("retry"), _("Undo")], className="button small",
                       **attributes(data_action=f"undo:{row.id}", data_target=target))  # fmt: skip
    cells: list[Any] = [
        [when(row.made_at, zone), html.Div(ltr(row.made_by), className="second")],
        _what(row),
        [_told(row.said, row.procedure_id), _before(row)],
        html.Div(undo, className="row-actions") if target and row.may_undo else None,
    ]
    return html.Tr([html.Td(cell) for cell in cells], key=str(row.id))


def _what(row: ProcedureChangeRow) -> html.Span:
    if row.before is None:
        return badge(_("made"), "fine", "ok")
    if row.undone:
        return badge(_("brought back"), "neutral", "retry")
    if row.said["active"] != row.before["active"]:
        return badge(_("in use"), "fine", "ok") if row.said["active"] else badge(_("not in use"), "amber", "close")
    return badge(_("changed"), "neutral", "correct")


def _told(said: Mapping[str, Any], number: int) -> Any:  # noqa: ANN401 - a component
    if not said.get("names"):
        return free(procedure_said(number))
    codes = [said[one] for one in ("modality", "rpid", "loinc") if said.get(one)]
    parts = [*said["names"].values(), *codes]
    return html.Span([piece for part in parts for piece in (" · ", free(part))][1:])


def _before(row: ProcedureChangeRow) -> Any:  # noqa: ANN401 - a component
    if row.before is None or not row.said.get("names") or row.before == row.said:
        return None
    return html.Div([_("before:"), " ", _told(row.before, row.procedure_id)], className="second")
