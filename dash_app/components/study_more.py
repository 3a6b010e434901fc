"""Further pieces of the study page: organ doses as stated, and what the study said before it was read again."""

from __future__ import annotations

import re
from typing import Any

from dash import html

from dash_app.components.parts import table
from dash_app.components.study_parts import value_button
from dash_app.components.values import amount, free, ltr, plain_number, when
from dash_app.i18n import _, isolated
from dash_app.vocabulary import SIDES, name_of, word
from dose.quantities import QUANTITIES, number_text
from dose.queries import EventRow, StudyDetail

ORGAN_DOSE = "organ_dose_mgy"
SHOWN_CHANGES = 200


def organ_doses(detail: StudyDetail) -> html.Div | None:
    """What each organ received, as the reports state it; None when they state nothing."""
    rows = [
        _organ(detail, number, event, n, organ)
        for number, event in enumerate(detail.events, 1)
        for n, organ in enumerate(event.details.get("organ_doses", ()))
    ]
    heads = [html.Th("#", className="number"), html.Th(_("Organ")), html.Th(_("Side")),
             html.Th(name_of(ORGAN_DOSE), className="dose"), html.Th(_("Method"))]  # fmt: skip
    return table(heads, rows, "compact stack") if rows else None


def _organ(detail: StudyDetail, number: int, event: EventRow, n: int, organ: dict[str, Any]) -> html.Tr:
    dose = amount(ORGAN_DOSE, organ.get(ORGAN_DOSE), detail.study.modality)
    return html.Tr(
        [
            html.Td(plain_number(number), className="number"),
            html.Td(free(organ.get("organ"))),
            html.Td(word(SIDES, organ.get("laterality"))),
            html.Td(value_button(f"organ:{event.id}:{n}", dose, name_of(ORGAN_DOSE)), className="dose"),
            html.Td(free(organ["method"]) if organ.get("method") else None),
        ],
        key=f"{event.id}-{n}",
    )


def former_values(detail: StudyDetail, zone: str) -> html.Div | None:
    """What re-reading changed, newest first; None when nothing ever did."""
    changes = [(row, change) for row in reversed(detail.history) for change in row.changes]
    heads = [html.Th(text) for text in (_("Read again"), _("What"), _("Before"), _("Since then"))]
    rows = [
        html.Tr(
            [
                html.Td([when(row.at, zone), html.Div(_reader(row.reader_version), className="second")]),
                html.Td(_subject(detail, change)),
                html.Td(_value(change, "before")),
                html.Td(_value(change, "after")),
            ],
            key=str(number),
        )
        for number, (row, change) in enumerate(changes[:SHOWN_CHANGES])
    ]
    return table(heads, rows, "compact stack") if rows else None


def _reader(version: int) -> str:
    return _("reader %(version)s", version=isolated(str(version)))


def _subject(detail: StudyDetail, change: dict[str, Any]) -> list[Any]:
    field, what = str(change.get("field") or ""), str(change.get("what", ""))
    key = what.split(" ")[1] if what.startswith("event ") else None
    number = next((n for n, one in enumerate(detail.events, 1) if key and one.irradiation_event_uid == key), None)
    place = _("study") if key is None else _("event %(n)s", n=number) if number else _("an event")
    quantity = _quantity(field)
    return [name_of(quantity) if quantity else ltr(field, "code"), html.Div(place, className="second")]


def _quantity(field: str) -> str | None:
    """The quantity of a column of events, or of one of a study: `dlp_sum_mgy_cm` is a `dlp_mgy_cm`."""
    plain = re.sub("_(sum|reported|max)_", "_", field)
    return plain if plain in QUANTITIES else None


def _value(change: dict[str, Any], name: str) -> Any:  # noqa: ANN401 - a component
    value, field = change.get(name), str(change.get("field") or "")
    if isinstance(value, int | float) and not isinstance(value, bool):
        quantity = _quantity(field)
        return amount(quantity, float(value)) if quantity else ltr(number_text(float(value), 6))
    return ltr(str(value) if value is not None else None)
