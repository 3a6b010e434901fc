"""The form that adds a condition to the filter of any page whose address carries `where=`."""

from __future__ import annotations

from typing import Any

from dash import Input, Output, State, callback, ctx, html
from dash.exceptions import PreventUpdate
from sqlalchemy.orm import Session

from dash_app.components.filter_parts import (
    VALUE_NAMES,
    added,
    builder,
    condition_text,
    operators,
    read,
    reason_view,
    unit_hint,
)
from dash_app.context import reading
from dash_app.filters import address, parameters
from dash_app.i18n import _
from dash_app.ids import Id
from dash_app.procedure_names import named_choices
from dash_app.vocabulary import word
from dose.queries.choice import NotAChoice, parse, text_of
from dose.queries.choice_fields import FIELDS, Field, Kind
from dose.scope import Permission, Scope

# Forms of pages carry these callbacks: `from dash_app.pages.where import builder`
__all__ = ["builder"]
SHOWN, HIDDEN = {"display": "block"}, {"display": "none"}


@callback(
    Output(Id.FILTER_OP, "data"),
    Output(Id.FILTER_OP, "value"),
    Output(Id.FILTER_ONE_OF, "data"),
    Output(Id.FILTER_VALUE, "placeholder"),
    Input(Id.FILTER_FIELD, "value"),
    prevent_initial_call=True,
)
def choose_field(name: str | None) -> tuple[Any, ...]:
    """How the field can be compared, and with what."""
    field = FIELDS.get(name or "")
    if field is None:
        raise PreventUpdate
    with reading(Permission.VIEW_DOSES) as (session, who):
        values = _values(session, who, field)
    offered = operators(field)
    return offered, offered[0]["value"], values, unit_hint(field)


def _values(session: Session, who: Scope, field: Field) -> list[dict[str, str]]:
    unknown = {"value": "unknown", "label": _("unknown")}
    if field.kind is Kind.ROW:
        rows = named_choices(session, who, field.name)
        return [*({"value": str(number), "label": name} for number, name in rows), unknown]
    if field.kind is Kind.CODE:
        return [*({"value": one, "label": word(VALUE_NAMES, one) or one} for one in field.values), unknown]
    return []


@callback(
    Output(Id.FILTER_ONE_OF, "style"),
    Output(Id.FILTER_VALUE, "style"),
    Output(Id.FILTER_ONE_OF, "value"),
    Input(Id.FILTER_OP, "value"),
    Input(Id.FILTER_FIELD, "value"),
    prevent_initial_call=True,
)
def choose_comparison(op: str | None, _field: str | None) -> tuple[Any, ...]:
    """A list to choose from, or a field to type in."""
    return SHOWN if op == "is" else HIDDEN, HIDDEN if op in ("is", "unknown") else SHOWN, []


@callback(
    Output(Id.URL, "search", allow_duplicate=True),
    Output(Id.FILTER_ANSWER, "children"),
    Input(Id.FILTER_ADD, "n_clicks"),
    Input(Id.FILTER_USE, "n_clicks"),
    State(Id.FILTER_HOW, "value"),
    State(Id.FILTER_FIELD, "value"),
    State(Id.FILTER_OP, "value"),
    State(Id.FILTER_ONE_OF, "value"),
    State(Id.FILTER_VALUE, "value"),
    State(Id.FILTER_TEXT, "value"),
    State(Id.URL, "search"),
    prevent_initial_call=True,
)
def change_filter(
    add: int | None, use: int | None, how: str, name: str | None, op: str | None, several: list[str] | None,
    value: str | None, whole: str | None, search: str | None,
) -> tuple[str, Any]:  # fmt: skip
    """The address with the condition, or with the whole text; a text that is no filter changes nothing."""
    if not (use if ctx.triggered_id == Id.FILTER_USE else add):
        raise PreventUpdate  # the form has only just appeared
    try:
        text = whole or "" if ctx.triggered_id == Id.FILTER_USE else _with(search, how, name, op, several, value)
        where = text_of(parse(text))
    except NotAChoice as reason:
        return search or "", html.Div(html.Div(reason_view(reason)), className="message")
    said = {key: told for key, told in parameters(search).items() if key not in ("where", "page")}
    return address(said | ({"where": where} if where else {}), ""), None


def _with(
    search: str | None, how: str, name: str | None, op: str | None, several: list[str] | None, value: str | None
) -> str:
    if not name or not op or (op == "is" and not several) or (op not in ("is", "unknown") and not value):
        raise NotAChoice("unfinished")
    condition = parse(condition_text(name, op, (value or "").strip(), several or []))
    return text_of(added(read(parameters(search).get("where"))[0], how, condition))


@callback(Output(Id.FILTER_TEXT, "value"), Input(Id.URL, "search"), prevent_initial_call=True)
def show_whole(search: str | None) -> str:
    """The filter of the address as its text."""
    return text_of(read(parameters(search).get("where"))[0])
