"""Trigger levels that a study reached: said calmly, with value, level, version and source. They are no limits."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html

from dash_app.components.parts import badge, icon
from dash_app.components.values import free, told
from dash_app.figures.style import shown
from dash_app.i18n import N_, _
from dash_app.vocabulary import name_of
from dose.levels.compare import Level
from dose.queries.triggers import Crossed
from dose.statistics.measures import EVENT, STUDY

_REACHED = {
    STUDY: N_("%(quantity)s: %(value)s, trigger level %(level)s (%(set)s)"),
    EVENT: N_("%(quantity)s of an acquisition: %(value)s, trigger level %(level)s (%(set)s)"),
}


def trigger_note(found: Sequence[Crossed], modality: str | None) -> html.Div | None:
    """On top of a study: that follow-up is suggested, by which levels and who states them; None without any."""
    if not found:
        return None
    rows = [html.Li([told(_line(one, modality)), html.Div(free(one.level.citation), className="second")])
            for one in found]  # fmt: skip
    head = html.Strong(_("Follow-up is suggested: the dose reached a trigger level."))
    after = html.Span(_("A trigger level is no limit; it says which examinations to look at again."), className="quiet")
    return html.Div([icon("info"), html.Div([head, html.Ul(rows, className="plain-list"), after])],
                    className="message triggered")  # fmt: skip


def _line(one: Crossed, modality: str | None) -> str:
    column = one.measure.column
    said = {"quantity": name_of(column), "value": shown(column, one.value, modality), "set": _version(one.level)}
    return _(_REACHED[one.measure.level], level=shown(column, one.level.value, modality), **said)


def _version(level: Level) -> str:
    """The set and edition; free text in a direction of its own."""
    return f"\u2068{' '.join(part for part in (level.set_name, level.edition) if part)}\u2069"


def trigger_feet(found: Sequence[Crossed], column: str, modality: str | None) -> list[html.Div]:
    """Under the dose of a card, beside its reference level: each trigger level that it reached."""
    of_study = [one.level for one in found if (one.measure.column, one.measure.level) == (column, STUDY)]
    texts = [_("trigger level %(value)s reached (%(set)s)", value=shown(column, one.value, modality), set=_version(one))
             for one in of_study]  # fmt: skip
    return [html.Div(told(text), className="card-stand") for text in texts]


def trigger_mark(found: Sequence[Crossed], modality: str | None) -> html.Span | None:
    """In a row of a list: that follow-up is suggested; the title says by what."""
    if not found:
        return None
    title = "; ".join(f"{_line(one, modality)}, \u2068{one.level.citation}\u2069" for one in found)
    return badge(_("follow-up suggested"), "blue", "info", title)
