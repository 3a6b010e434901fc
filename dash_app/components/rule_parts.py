"""Pieces of the form of a rule: values as they are typed, and what the rule would catch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import dcc, html

from dash_app.components.parts import icon
from dash_app.components.values import free, local_time, ltr, plain_number
from dash_app.i18n import N_, _, isolated, ngettext
from dash_app.procedure_names import procedure_text
from dose.naming.fields import CHOICE, FIELDS
from dose.queries import StudyRow
from dose.queries.naming import ProcedureRow
from dose.queries.naming_preview import Effect, Preview

BAR = " | "  # between several texts, to in a range
EFFECTS = {
    Effect.NEW: (N_("without a name until now"), "fine"),
    Effect.SAME: (N_("called so already"), "neutral"),
    Effect.OTHER: (N_("called otherwise until now"), "amber"),
    Effect.SETTLED: (N_("conflicts that it settles"), "fine"),
    Effect.CONFLICT: (N_("new conflicts: a rule of the same rank says otherwise"), "red"),
    Effect.OUTRANKED: (N_("keep another name: a rule of a higher rank says so"), "neutral"),
}


def value_text(said: Mapping[str, Any]) -> str:
    """The value of a stored condition as it is typed."""
    value = said.get("value")
    if said.get("op") == "between":
        return "..".join("" if end is None else f"{end:g}" for end in value or (None, None))
    return BAR.join(value) if isinstance(value, list) else str(value or "")


def value_of(op: str, typed: str | None) -> Any:  # noqa: ANN401 - as a condition has it
    """What was typed, as a condition has it."""
    text = (typed or "").strip()
    if op == "between":
        low, dots, high = text.partition("..")
        return [low.strip(), high.strip()] if dots else [low.strip() or None, low.strip() or None]
    return [part.strip() for part in text.split("|")] if op == "one_of" else text


def value_hint(field: str | None, op: str | None) -> str:
    """What is to be typed."""
    known = FIELDS.get(field or "")
    if known is None or op == "missing":
        return ""
    if op == "between":
        return f"15..40 {known.unit}".strip()
    if known.kind == CHOICE:
        return BAR.join(known.choices)
    if op == "one_of":
        return "a | b | c"
    return _("words; * for any ending") if op in ("contains", "any_word", "lacks") else ""


def preview_text(seen: Preview, procedures: Mapping[int, ProcedureRow]) -> html.Div:
    """What a rule would catch, before it is saved."""
    if seen.events is not None:
        head = _events(seen)
    else:
        head = _("This rule catches %(studies)s.", studies=ngettext("%(n)s study", "%(n)s studies", seen.studies))
    effects = [
        html.Span([plain_number(seen.effects[effect]), " ", _(text)], className=f"badge {kind}")
        for effect, (text, kind) in EFFECTS.items() if seen.effects.get(effect)
    ]  # fmt: skip
    others = [
        html.Span([free(procedure_text(procedures[number].key, procedures[number].name)), " ", plain_number(count)],
                  className="tally still")
        for number, count in sorted(seen.procedures.items(), key=lambda one: -one[1])
    ]  # fmt: skip
    released = ngettext(
        "%(n)s study that it named is named no more.", "%(n)s studies that it named are named no more.", seen.released
    )
    inside = [
        html.Strong(head),
        html.Div(effects, className="tallies") if effects else None,
        html.Div([html.Span(_("called until now:"), className="quiet"), *others], className="tallies")
        if others
        else None,
        html.Div(released) if seen.released else None,
        html.Ul([html.Li(_study(row)) for row in seen.sample], className="plain-list") if seen.sample else None,
    ]
    return html.Div([icon("info"), html.Div(inside)], className="message preview-of-rule")


def _events(seen: Preview) -> str:
    told = _(
        "This rule catches %(events)s in %(studies)s.",
        events=ngettext("%(n)s irradiation event", "%(n)s irradiation events", seen.events or 0),
        studies=ngettext("%(n)s study", "%(n)s studies", seen.studies),
    )
    if seen.complete:
        return told
    return f"{told} {_('Only the newest %(n)s were looked through.', n=isolated(str(seen.looked)))}"


def _study(row: StudyRow) -> list[Any]:
    day, _clock = local_time(row.started_at)
    link = dcc.Link(ltr(day or str(row.id), "num"), href=f"/studies/{row.id}")
    years = row.age_years
    age = [] if years is None else [" · ", ngettext("%(n)s year", "%(n)s years", int(years))]
    return [
        link,
        " ",
        free(row.description or " · ".join(row.protocols[:2])),
        " ",
        html.Span(free(row.device_name), className="quiet"),
        *age,
    ]
