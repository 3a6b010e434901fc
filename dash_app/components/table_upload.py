"""Where a table is chosen or dropped, and what is said about it: the same for rules, procedures and levels."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from dash import dcc, html

from dash_app.components.name_words import REFUSED_TABLES, bad, good
from dash_app.components.parts import attributes, icon
from dash_app.i18n import _, isolated, ngettext
from dash_app.ids import Id
from dose.store.csv_tables import LARGEST_BYTES, RowRefused, Taken

MOST_SHOWN = 50


def table_upload(which: Id) -> html.Div:
    """A button that takes a table, also one that is dropped on it; the browser says at once when it is too large."""
    button = html.Button([icon("up"), _("Read a table")], type="button", className="button small")
    place = dcc.Upload(button, id=which, accept=".csv,.txt,.tsv", max_size=LARGEST_BYTES)
    too_large = REFUSED_TABLES["large"]
    largest = attributes(data_largest=str(LARGEST_BYTES), data_too_large=_(too_large))
    return html.Div([place, html.Span(role="status", className="too-large")], className="table-upload", **largest)


def bytes_of(contents: str) -> bytes:
    """The file that a browser sent; what no browser sends stays as it came, and is refused as a table."""
    try:
        return base64.b64decode(contents.partition(",")[2], validate=True)
    except binascii.Error:
        return contents.encode()


def taken_message(taken: Taken, made: str, said: Callable[[str, str | None], str]) -> html.Div:
    """What became of a table: how many rows were made, changed and left, and why others, or all, were refused."""
    if taken.whole:
        return bad(html.Ul([html.Li(said(one.code, one.field)) for one in taken.refused], className="plain-list"))
    told = _(
        "%(made)s made, %(changed)s changed, %(unchanged)s as before.",
        made=made, changed=isolated(str(taken.changed)), unchanged=isolated(str(taken.unchanged)),
    )  # fmt: skip
    if not taken.refused:
        return good(told)
    head = ngettext("%(n)s row was refused:", "%(n)s rows were refused:", len(taken.refused))
    rows = [_refused_row(one, said) for one in taken.refused[:MOST_SHOWN]]
    return bad([told, " ", head, html.Ul(rows, className="plain-list")])


def _refused_row(one: RowRefused, said: Callable[[str, str | None], str]) -> Any:  # noqa: ANN401 - a component
    return html.Li([_("Row %(n)s:", n=isolated(str(one.row))), " ", said(one.code, one.field)])
