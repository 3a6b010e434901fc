"""Words of rules: fields, operators, levels, why something was refused; conditions as a sentence people read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dash import dcc, html
from sqlalchemy.orm import Session

from dash_app.components.parts import icon
from dash_app.i18n import N_, _, isolated, language
from dash_app.procedure_names import procedure_text, sorted_by_name
from dash_app.vocabulary import EVENT_TYPES, PHANTOMS, SEXES, SIDES
from dose.naming.fields import FIELDS
from dose.naming.rules import Condition, Rule
from dose.queries.naming import in_use, procedures
from dose.reference import vocabulary
from dose.scope import Scope
from dose.store.naming_rules import RuleGone

FIELD_NAMES = {
    "procedure_code": N_("Procedure code"),
    "procedure_meaning": N_("Procedure as coded"),
    "requested_procedure": N_("Requested procedure"),
    "description": N_("Study description"),
    "protocol": N_("Protocol"),
    "series_description": N_("Series description"),
    "body_region": N_("Body region"),
    "clinical_task": N_("Clinical task"),
    "contrast": N_("Contrast medium"),
    "device": N_("Device"),
    "sex": N_("Sex"),
    "age_years": N_("Age"),
    "weight_kg": N_("Weight"),
    "phantom": N_("CTDI phantom"),
    "phase_count": N_("Phases"),
    "event_count": N_("Irradiation events"),
    "scan_length_mm": N_("Scanned length"),
    "event_type": N_("Acquisition type"),
    "laterality": N_("Side"),
    "view": N_("View"),
    "patient_orientation": N_("Patient orientation"),
    "kvp_kv": N_("Tube voltage"),
}
OPERATORS = {
    "contains": N_("has all the words"),
    "any_word": N_("has one of the words"),
    "lacks": N_("has none of the words"),
    "is": N_("is"),
    "starts": N_("begins with"),
    "one_of": N_("is one of"),
    "between": N_("is between"),
    "missing": N_("is not stated"),
}
LEVELS = {"study": N_("Study"), "series": N_("Series"), "event": N_("Irradiation event")}
CONTRASTS = {"without": N_("without"), "with": N_("with"), "both": N_("without and with")}
COMPLEXITIES = {"simple": N_("simple"), "medium": N_("medium"), "complex": N_("complex")}
ORIGINS = {
    "person": N_("written"), "accepted": N_("suggestion accepted"), "csv": N_("from a table"), "shipped": N_("shipped"),
}  # fmt: skip
_CHOICES = {"contrast": CONTRASTS, "sex": SEXES, "phantom": PHANTOMS, "event_type": EVENT_TYPES, "laterality": SIDES}
REFUSED_TABLES = {
    "column": N_("The table lacks this column."),
    "long": N_("The table is too long."),
    "large": N_("The file is larger than 1.4 MB: leave out what need not be read, or read it in parts."),
    "encoding": N_("This is no table of text: save it in the spreadsheet program as CSV (UTF-8)."),
    "blank": N_("The file is empty: its first line must name the columns, as an exported table does."),
}
REFUSED = {
    "no-condition": N_("A rule needs at least one condition: without one it would name everything."),
    "field": N_("There is no such field."),
    "level": N_("This field is not known at the level of the rule."),
    "operator": N_("This comparison does not fit the field."),
    "empty": N_("A condition says nothing to compare with."),
    "number": N_("A number is expected."),
    "order": N_("The lower end of a range stands first."),
    "complexity": N_("The complexity is simple, medium or complex."),
    "priority": N_("The priority is a whole number between -1000 and 1000."),
    "procedure": N_("Choose a procedure that is in use."),
    "modality": N_("Studies of the rule's modality cannot be this procedure, which is of another one."),
    "device": N_("There is no such device in your reach."),
    "site": N_("There is no such site."),
    "elsewhere": N_("Your account names for its own sites only: choose one of them."),
    "same": N_("This rule is in force already."),
    "contradicts": N_("A rule with the same conditions names another procedure: change that one, or give a priority."),
    "syntax": N_("The conditions cannot be read."),
    "gone": N_("Somebody changed this rule since the table was written: export again."),
} | REFUSED_TABLES
_WITH_FIELD = frozenset({"column", "procedure", "modality", "site", "syntax", "gone"})


def refusal(code: str, field: str | None = None) -> str:
    """Why a rule cannot be, with the field it is about."""
    text = _(REFUSED[code])
    if field and field in FIELD_NAMES:
        return f"{_(FIELD_NAMES[field])}: {text}"
    return f"{text} ({isolated(field)})" if field and code in _WITH_FIELD else text


def procedure_choices(session: Session, who: Scope, only: str | None = "all") -> list[dict[str, str]]:
    """Procedures that studies have, as a selector offers them; `only` one of them, or none for None."""
    known = procedures(session, who) if only else {}
    wanted = in_use(session) if only == "all" else {int(only)} if only and only.isdigit() else set()
    told = ((str(number), procedure_text(row.key, row.name)) for number, row in known.items() if number in wanted)
    return [{"value": value, "label": label} for value, label in sorted_by_name(told, lambda one: one[1])]


def concept_text(key: str) -> str:
    """What a concept is called in the reader's language."""
    return vocabulary.concept_name(key, language())


def condition_parts(condition: Condition) -> list[Any]:
    """A condition as people read it: the field, the comparison, the value."""
    named = html.Span(_(FIELD_NAMES[condition.field]), className="quiet")
    return [named, f" {_(OPERATORS[condition.op])} ", *_value_parts(condition)]


def _value_parts(condition: Condition) -> list[Any]:
    if condition.op == "missing":
        return []
    if condition.op == "between":
        low, high = ("" if end is None else f"{end:g}" for end in condition.value)
        unit = FIELDS[condition.field].unit
        return [html.Bdi(f"{low} – {high}" + (f"\u00a0{unit}" if unit else ""), className="num", dir="ltr")]
    texts = condition.value if condition.op == "one_of" else (condition.value,)
    words = _CHOICES.get(condition.field, {})
    parts: list[Any] = []
    for text in texts:
        parts += [
            ", " if parts else "",
            html.Bdi(_(words[text]) if text in words else text, className="said", dir="auto"),
        ]
    return parts


def conditions_text(conditions: Iterable[Condition]) -> html.Div:
    """All conditions of a rule."""
    return html.Div(
        [html.Span(condition_parts(one), className="tally still") for one in conditions], className="tallies"
    )


def place_text(rule: Rule, site: str | None, device: str | None) -> Any:  # noqa: ANN401 - a component
    """Where a rule holds."""
    where = device if rule.device_id is not None else site if rule.site_id is not None else None
    return html.Bdi(where, dir="auto") if where else html.Span(_("all sites"), className="quiet one-line")


def good(text: str) -> html.Div:
    """What was done."""
    return html.Div([icon("ok"), text], className="message good")


def bad(text: Any) -> html.Div:  # noqa: ANN401 - a component
    """Why nothing was done."""
    return html.Div([icon("note"), html.Div(text)], className="message bad")


def gone_text(gone: RuleGone) -> list[Any]:
    """That somebody changed a rule meanwhile, and where it is now."""
    by = _("%(who)s changed this rule meanwhile. Nothing of yours was stored.", who=isolated(gone.by or "?"))
    if gone.successor is None:
        return [by]
    return [by, " ", dcc.Link(_("Open it as it is now"), href=f"/names/rule?rule={gone.successor}")]
