"""Pieces of the page about phantoms and tests: the judged studies, the patterns, what one would do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import dcc, html

from dash_app.components.not_patient_words import WHY
from dash_app.components.parts import attributes, badge, icon, table
from dash_app.components.study_rows import patient_cell
from dash_app.components.values import ago, free, listed, local_time, ltr, when
from dash_app.i18n import N_, _, isolated, ngettext
from dose.queries.not_patients import NotPatientRow
from dose.store.patterns import SHIPPED_BY, PatternRow, Preview, Progress

FIELD_NAMES = {
    "patient_id": N_("Patient ID"),
    "name": N_("Name"),
    "description": N_("Description"),
    "protocol": N_("Protocol"),
    "accession_number": N_("Accession number"),
    "comment": N_("Comment"),
}
REFUSED = {
    "empty": N_("Write a word."),
    "too-short": N_("Two letters or digits at least: this would match too much."),
    "too-long": N_("At most 80 characters."),
    "no-field": N_("Choose at least one field."),
}


def refusal(code: str) -> str:
    """Why a pattern cannot be kept."""
    return _(REFUSED[code])


def not_patients_table(rows: Sequence[NotPatientRow], zone: str, target: str | None) -> html.Div:
    """The judged studies; with `target` each can be marked as a patient's."""
    titles = (_("Study"), _("Patient"), _("Procedure"), _("Why"), _("Since"), "")
    heads = [html.Th(text, scope="col") for text in titles]
    return table(heads, [_row(row, zone, target) for row in rows], "stack not-patients")


def _row(row: NotPatientRow, zone: str, target: str | None) -> html.Tr:
    study = row.study
    day, clock = local_time(study.started_at)
    at = html.Bdi(f"{day} {clock[:5]}".strip() or _("no date"), dir="ltr", className="num")
    what = [html.Span(study.modality or "?", className="modality"), " ", free(study.description)]
    mark = html.Button([icon("account"), _("Is a patient")], className="button small",
                       **attributes(data_action=str(study.id), data_target=target)) if target else None  # fmt: skip
    cells = [
        [dcc.Link(at, href=f"/studies/{study.id}"), html.Div(free(study.device_name), className="second")],
        patient_cell(study),
        [*what, html.Div(free(" · ".join(study.protocols[:3])), className="second") if study.protocols else None],
        judgement(row.matched, row.said_by),
        html.Span([ago(row.since), html.Div(when(row.since, zone), className="second")]),
        mark,
    ]
    return html.Tr([html.Td(cell) for cell in cells], key=str(study.id))


def judgement(matched: Sequence[tuple[str, str]], said_by: str | None) -> Any:  # noqa: ANN401 - a component
    """Which pattern matched in each field, or who said so."""
    if said_by:
        return [_("said by"), " ", ltr(said_by)]
    return html.Div(
        [
            html.Span([html.Span(_(FIELD_NAMES.get(field, field)), className="quiet"), " ", free(pattern, "code")],
                      className="tally still")
            for field, pattern in matched
        ],
        className="tallies",
    )  # fmt: skip


def pattern_table(rows: Sequence[PatternRow], zone: str, target: str | None) -> html.Div:
    """All patterns with the fields in which they count; with `target` they can be changed."""
    titles = (_("Pattern"), _("Counts in"), _("Why"), _("Changed"), "")
    heads = [html.Th(text, scope="col") for text in titles]
    return table(heads, [_pattern(row, zone, target) for row in rows], "stack compact-cells patterns")


def _pattern(row: PatternRow, zone: str, target: str | None) -> html.Tr:
    off = None if row.active else badge(_("off"), "neutral")
    everywhere = len(row.fields) == len(FIELD_NAMES)
    fields = _("every field") if everywhere else listed(_(FIELD_NAMES[field]) for field in row.fields)
    why = _reason(row.why) if row.why else None
    cells = [[free(row.pattern, "code strong"), " ", off], fields, why, _changed(row, zone), _actions(row, target)]
    return html.Tr([html.Td(cell) for cell in cells], key=row.pattern, className=None if row.active else "off")


def _reason(why: str) -> html.Span:
    if why in WHY:
        return html.Span(_(why), className="second")
    return html.Span(why, lang="en", dir="ltr", className="second")


def _changed(row: PatternRow, zone: str) -> Any:  # noqa: ANN401 - a component
    if row.changed_by == SHIPPED_BY:
        return html.Span(_("shipped"), className="quiet")
    return [ltr(row.changed_by), html.Div(when(row.changed_at, zone), className="second")]


def _actions(row: PatternRow, target: str | None) -> Any:  # noqa: ANN401 - a component
    if target is None:
        return None
    turn = ("off", _("Switch off")) if row.active else ("on", _("Switch on"))
    return html.Div(
        [
            html.Button(text, className="button small",
                        **attributes(data_action=f"{what}:{row.pattern}", data_target=target))
            for what, text in (("edit", _("Edit")), turn)
        ],
        className="row-actions",
    )  # fmt: skip


def preview_text(seen: Preview) -> html.Div:
    """What a pattern would do, before it is saved."""
    text = _(
        "This pattern would match %(matching)s of the last year, %(newly)s of them newly no patients.",
        matching=ngettext("%(n)s study", "%(n)s studies", seen.matching), newly=isolated(str(seen.newly)),
    )  # fmt: skip
    links = [
        dcc.Link(_("study %(n)s", n=isolated(str(study_id))), href=f"/studies/{study_id}", className="tally")
        for study_id in seen.examples
    ]
    short = _("Only the newest %(n)s were looked through.", n=isolated(str(seen.looked)))
    parts = [text, " " + short if not seen.complete else None, html.Div(links, className="tallies") if links else None]
    return html.Div([icon("info"), html.Div(parts)], className="message")


def progress_text(state: Progress) -> Any:  # noqa: ANN401 - a component
    """How far all studies have been judged again."""
    if state.done:
        return html.P([icon("ok"), _("All studies are judged by these patterns.")], className="quiet with-icon")
    share = isolated(f"{round(state.share * 100)}\u202f%")
    return html.P([icon("clock"), _("Judging all studies again: %(share)s", share=share)], className="quiet with-icon")
