"""Corrections as people see them: the menu and mark on a study, one calm dialog per task, what would change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dash_app.components.parts import attributes, badge, icon, table
from dash_app.components.values import amount, free, local_time, ltr, person_name, plain_number, told, when
from dash_app.i18n import N_, _, isolated, ngettext
from dash_app.ids import Id, correct_id
from dash_app.vocabulary import SEXES, name_of, word
from dose.quantities import number_text
from dose.queries import EventRow, StudyDetail, StudyRow
from dose.queries.corrections import CorrectionRow, Effect, PersonRow
from dose.scope import Permission, Scope

TASKS = {
    "patient": (N_("Patient…"), N_("Whose study is this?"), Permission.CORRECT),
    "size": (N_("Height and weight…"), N_("Height and weight"), Permission.ENTER_SIZE),
    "kind": (N_("Patient or test…"), N_("Patient, phantom or test"), Permission.CORRECT),
    "events": (N_("Move events…"), N_("Move events to another study"), Permission.CORRECT),
    "merge": (N_("Merge with another study…"), N_("Count the events in another study"), Permission.CORRECT),
}
REFUSALS = {
    "same-patient": N_("It is this patient's already."),
    "same-study": N_("Choose another study than this one."),
    "merged-away": N_("One of the two was merged into another study already: undo that first."),
    "not-taken-as-one": N_("These two studies are not taken to be one examination any more."),
    "nobody": N_("A new patient needs an ID or a name."),
    "nothing": N_("Enter a height or a weight."),
    "implausible": N_("This is outside of what a person can be: height in metres, weight in kilograms."),
    "undone": N_("This was undone already."),
    "later": N_("A later correction stands on this one and must be undone first:"),
}
_DOSES = {
    "ctdi_vol_max_mgy": "ctdi_vol_mgy", "dlp_sum_mgy_cm": "dlp_mgy_cm", "pka_sum_gy_cm2": "pka_gy_cm2",
    "ka_r_sum_mgy": "ka_r_mgy", "agd_sum_mgy": "agd_mgy",
}  # fmt: skip
_NEW = {"new_patient_id": N_("Patient ID"), "new_issuer": N_("Issuer"), "new_name": N_("Name (Family, Given)")}


def isolate(text: str | None) -> str:
    """A name in its own direction inside a sentence of another."""
    return f"\u2068{text or '–'}\u2069"


def menu(who: Scope) -> html.Details | None:
    """The tasks that this person may do on a study."""
    items = [
        html.Button([icon("correct"), _(label)], type="button", className="menu-item", **_asks(task))
        for task, (label, _title, permission) in TASKS.items()
        if who.may(permission)
    ]
    if not items:
        return None
    summary = html.Summary([icon("correct"), _("Correct…")], className="button", id="correct-menu")
    return html.Details([summary, html.Div(items, className="menu")], className="menu-button")


def _asks(action: str) -> dict[str, Any]:
    return attributes(data_action=action, data_target=Id.CORRECT_ASKED.value)


def mark(found: Sequence[CorrectionRow]) -> html.Button | None:
    """*Corrected*: opens who, when, why and undo; None when nobody corrected anything."""
    if not found:
        return None
    title = _("Who corrected this, when and why")
    return html.Button([icon("correct"), _("corrected")], type="button", id="corrected", title=title,
                       className="badge neutral corrected", **_asks("history"))  # fmt: skip


def dialog() -> html.Div:
    """The one dialog of all tasks, still empty."""
    foot = [
        dmc.Textarea(id=Id.CORRECT_REASON, label=_("Reason"), autosize=True, minRows=2),
        html.Div(id=Id.CORRECT_PREVIEW, role="status"),
        html.Div(id=Id.CORRECT_ANSWER, role="alert"),
        html.Button([icon("ok"), _("Correct")], id=Id.CORRECT_DO, type="button", disabled=True,
                    className="button primary"),
    ]  # fmt: skip
    modal = dmc.Modal(
        html.Div([html.Div(id=Id.CORRECT_BODY, className="dialog"),
                  html.Div(foot, id=Id.CORRECT_FOOT, className="dialog", hidden=True)], className="dialog"),
        id=Id.CORRECT, title="", size="xl", closeButtonProps={"aria-label": _("Close")},
    )  # fmt: skip
    stores = [dcc.Store(id=name) for name in (Id.CORRECT_ASKED, Id.CORRECT_ABOUT, Id.CORRECT_DONE)]
    return html.Div([*stores, modal])


def person_text(person: PersonRow | None) -> str:
    """A person in one line: name, id, birth date, sex."""
    if person is None:
        return "–"
    who = person.identity
    known = [part for part in (who.patient_id, who.birth_date) if part]
    texts = [isolate(person_name(who.name))] if who.name else []
    sex = [word(SEXES, person.sex) or ""] if person.sex else []
    return " · ".join([*texts, *(isolated(part) for part in known), *sex]) or "–"


def study_text(study: StudyRow | None, *, whose: bool = True) -> str:
    """A study in one line: when, what, and whose where it is asked for and may be seen."""
    if study is None:
        return _("a study that is not here any more")
    day, clock = local_time(study.started_at)
    name = study.description or next(iter(study.protocols), None)
    identity = study.identity if whose else None
    who = person_name(identity.name) or identity.patient_id if identity else None
    parts = [isolated(f"{day} {clock[:5]}".strip()) if day else None, study.modality, name and isolate(name),
             who and isolate(who)]  # fmt: skip
    return " · ".join(part for part in parts if part)


def patient_form(studies: Sequence[StudyRow], study_id: int, now: PersonRow | None) -> list[Any]:
    """Choose who it is: somebody known, or somebody new; for this study, more of them, or the whole patient."""
    first = sorted(studies, key=lambda row: row.id != study_id)  # what is corrected anyway is never out of sight
    marked = [dmc.Checkbox(label=told(study_text(row, whose=False)), value=str(row.id)) for row in first]
    which = dmc.CheckboxGroup(
        html.Div(marked, className="correct-choices"), id=correct_id("studies"), value=[str(study_id)],
        label=_("Studies to correct"), className="which",
    )  # fmt: skip
    same = dmc.Switch(id={"type": "correct-switch", "name": "same"}, checked=False,
                      label=_("Both are one person: all studies, also those that arrive later"))  # fmt: skip
    typed = {"dir": "auto", "autoComplete": "off"}
    fields = [dmc.TextInput(id=correct_id(name), label=_(label), value="", inputProps=typed)
              for name, label in _NEW.items()]  # fmt: skip
    born = dmc.TextInput(id=correct_id("new_birth_date"), label=_("Born"), value="", inputProps={"type": "date"})
    sexes = [{"value": code, "label": _(text)} for code, text in SEXES.items()]
    sex = dmc.Select(id=correct_id("new_sex"), label=_("Sex"), value=None, data=sexes, clearable=True)
    new = html.Details([html.Summary(_("A new patient"), className="button small"),
                        html.Div([*fields, born, sex], className="fields")])  # fmt: skip
    whose = html.P([html.Span(_("Now:"), className="quiet"), " ", told(person_text(now))])
    return [whose, finder(_("Right patient"), _("Patient ID or name")), new, which if len(studies) > 1 else
            html.Div(which, hidden=True), same]  # fmt: skip


def finder(label: str, placeholder: str) -> html.Div:
    """A field to search by, and the place of what is found."""
    field = dmc.TextInput(id=Id.CORRECT_FIND, label=label, placeholder=placeholder, value="", debounce=400,
                          inputProps={"type": "search", "autoComplete": "off"})  # fmt: skip
    return html.Div([field, html.Div(id=Id.CORRECT_FOUND, role="status")], className="dialog")


def found_people(found: Sequence[PersonRow], asked: bool) -> Any:  # noqa: ANN401 - a component
    """Persons to choose from."""
    options = [
        (str(one.id), f"{person_text(one)} · {ngettext('%(n)s study', '%(n)s studies', one.study_count)}")
        for one in found
    ]
    return _options("person", options, asked)


def found_studies(found: Sequence[StudyRow], asked: bool) -> Any:  # noqa: ANN401 - a component
    """Studies to choose from."""
    return _options("target", [(str(one.id), study_text(one)) for one in found], asked)


def _options(name: str, options: Sequence[tuple[str, str]], asked: bool) -> Any:  # noqa: ANN401 - a component
    if not options:
        return html.P(_("Nobody and nothing of this name is known here."), className="quiet") if asked else None
    radios = [dmc.Radio(label=told(text), value=value) for value, text in options]
    return dmc.RadioGroup(
        html.Div(radios, className="correct-choices"), id=correct_id(name), value="", label=_("Found")
    )


def size_form(detail: StudyDetail) -> list[Any]:
    """Height and weight as they are known."""
    fields = [
        dmc.NumberInput(id=correct_id(name), label=label, value="" if value is None else value, suffix=f" {unit}",
                        decimalScale=digits, min=0, hideControls=True)
        for name, label, value, unit, digits in (
            ("height", _("Height"), detail.height_m, "m", 3), ("weight", _("Weight"), detail.weight_kg, "kg", 3))
    ]  # fmt: skip
    return [html.Div(fields, className="fields")]


def kind_form(is_patient: bool) -> list[Any]:
    """Patient or not."""
    options = [dmc.Radio(label=_("A patient"), value="yes"), dmc.Radio(label=_("A phantom or a test"), value="no")]
    text = _("Phantoms and tests stay out of statistics. Nothing is deleted.")
    group = dmc.RadioGroup(html.Div(options, className="correct-choices"), id=correct_id("is_patient"),
                           value="yes" if is_patient else "no", label=_("This study is of"))  # fmt: skip
    return [group, html.P(text, className="quiet")]


def apart_form(study: StudyRow, other: StudyRow) -> list[Any]:
    """The two studies that are said to be two examinations."""
    rows = [html.Li(told(study_text(one))) for one in (study, other)]
    text = _("Each of them will count, also after it is read again. Nothing is deleted.")
    return [html.Ul(rows, className="plain-list"), html.P(text, className="quiet")]


def events_form(events: Sequence[EventRow]) -> list[Any]:
    """Which events move, and where to."""
    marked = [dmc.Checkbox(label=told(_event_text(n, row)), value=str(row.id)) for n, row in enumerate(events, 1)]
    which = dmc.CheckboxGroup(html.Div(marked, className="correct-choices"), id=correct_id("events"), value=[],
                              label=_("Events to move"))  # fmt: skip
    return [which, target_form()]


def target_form() -> html.Div:
    """The study that the events go to."""
    return finder(_("The other study"), _("Patient, accession number, protocol, description"))


def _event_text(number: int, event: EventRow) -> str:
    clock = local_time(event.started_at)[1]
    doses = [
        isolated(f"{number_text(value, 4)} {unit}")
        for column, unit in (("dlp_mgy_cm", "mGy·cm"), ("pka_gy_cm2", "Gy·cm²"), ("agd_mgy", "mGy"))
        if (value := event.values.get(column)) is not None
    ]
    parts = [isolated(f"{number}"), isolated(clock) if clock else None, event.protocol and isolate(event.protocol)]
    return " · ".join([part for part in parts if part] + doses[:1])


def effect_view(effect: Effect) -> html.Div:
    """What would change: each study now and afterwards, side by side, and how many studies each person has."""
    shown = [_study_effect(before, after) for before, after in effect.studies[:5]]
    people = [
        html.Li(told(_person_effect(before, after)))
        for before, after in effect.persons
        if before is None or before.study_count != after.study_count
    ]
    heading = html.H3(_("What will change"))
    return html.Div([heading, *shown, html.Ul(people, className="plain-list") if people else None], className="effect")


def _person_effect(before: PersonRow | None, after: PersonRow) -> str:
    now = before.study_count if before else 0
    return _("%(person)s: %(now)s → %(then)s studies", person=person_text(after), now=isolated(str(now)),
             then=isolated(str(after.study_count)))  # fmt: skip


def _study_effect(before: StudyRow, after: StudyRow | None) -> html.Div:
    sides = (before, after or before)
    rows = [_pair(label, *(value(one) for one in sides)) for label, value in _facts(sides)]
    heads = [html.Th(), html.Th(_("Now")), html.Th(_("Afterwards"))]
    return html.Div([html.P(told(study_text(before)), className="quiet"), table(heads, rows, "compact")])


def _facts(sides: tuple[StudyRow, StudyRow]) -> list[tuple[Any, Any]]:
    facts: list[tuple[Any, Any]] = []
    if sides[0].identity is not None:
        facts += [
            (_("Patient"), lambda row: free(person_name(row.identity.name))),
            (_("Patient ID"), lambda row: ltr(row.identity.patient_id)),
            (_("Born"), lambda row: ltr(row.identity.birth_date)),
        ]
    facts.append((name_of("event_count"), lambda row: plain_number(row.event_count)))
    for column, quantity in _DOSES.items():
        if any(getattr(row, column) is not None for row in sides):
            facts.append(
                (name_of(quantity), lambda row, c=column, q=quantity: amount(q, getattr(row, c), row.modality))
            )
    return facts


def _pair(label: str, now: Any, then: Any) -> html.Tr:  # noqa: ANN401 - components
    if str(now) == str(then):  # one cell under both heads: it stays as it is
        return html.Tr([html.Th(label, scope="row"), html.Td(now, colSpan=2, className="same")])
    return html.Tr([html.Th(label, scope="row"), html.Td(now), html.Td(html.Strong(then))])


def correction_text(row: CorrectionRow) -> str:
    """What was corrected, in a sentence."""
    person, former = person_text(row.person), person_text(row.former)
    if row.kind in {"assign_study", "split_patient"}:
        text = ngettext("%(n)s study: %(former)s → %(person)s", "%(n)s studies: %(former)s → %(person)s", row.count,
                        former=former, person=person)  # fmt: skip
    elif row.kind == "merge_patients":
        text = _("One person: %(former)s → %(person)s", former=former, person=person)
    elif row.kind == "assign_event":
        text = ngettext("%(n)s event moved to %(study)s", "%(n)s events moved to %(study)s", row.count,
                        study=study_text(row.target))  # fmt: skip
    elif row.kind == "merge_studies":
        text = _("All events count in %(study)s", study=study_text(row.target))
    elif row.kind == "not_same":
        text = _("Not the same examination as %(study)s", study=study_text(row.target))
    elif row.kind == "set_size":
        text = " · ".join(_sizes(row))
    else:
        text = _("Said to be a patient") if row.values.get("is_patient") else _("Said to be a phantom or a test")
    return text


def _sizes(row: CorrectionRow) -> list[str]:
    sizes = (("height_m", _("Height"), "m"), ("weight_kg", _("Weight"), "kg"))
    said = [
        (label, _size(row.former_values.get(name), unit), _size(row.values[name], unit))
        for name, label, unit in sizes
        if name in row.values
    ]
    changed = [one for one in said if one[1] != one[2]]
    return [f"{label}: {_change(before, after)}" for label, before, after in changed or said]


def _change(before: str, after: str) -> str:
    return _("%(before)s → %(after)s", before=before, after=after)


def _size(value: float | None, unit: str) -> str:
    return "–" if value is None else isolated(f"{number_text(value, 4)} {unit}")


def history(found: Sequence[CorrectionRow], zone: str, who: Scope) -> list[Any]:
    """The corrections that a study shows, each with undo."""
    return [html.Div([_said(row, zone), undo_button(row, who)], className="correction") for row in found]


def _said(row: CorrectionRow, zone: str) -> html.Div:
    reason = html.P([html.Span(_("Reason:"), className="quiet"), " ", free(row.reason)]) if row.reason else None
    made = html.P([free(row.made_by), " · ", when(row.made_at, zone)], className="second")
    links = [html.P(dcc.Link(told(study_text(one)), href=f"/studies/{one.id}")) for one in (row.study, row.target)
             if one and row.target]  # fmt: skip
    return html.Div([html.Strong(told(correction_text(row))), *links, reason, made])


def undo_button(row: CorrectionRow, who: Scope) -> Any:  # noqa: ANN401 - a component
    """Undo, for those who may, while it is in force."""
    needed = Permission.ENTER_SIZE if row.kind == "set_size" else Permission.CORRECT
    if row.undone_at is not None or not who.may(needed):
        return None
    return html.Button([icon("retry"), _("Undo…")], type="button", className="button small", **_asks(f"undo:{row.id}"))


def undo_form(row: CorrectionRow, zone: str) -> list[Any]:
    """What is going to be undone."""
    return [_said(row, zone)]


def refusal(code: str, later: CorrectionRow | None, zone: str) -> html.Div:
    """Why it cannot be done, in plain words."""
    said = _(REFUSALS[code]) if code in REFUSALS else _("This cannot be corrected so.")
    return html.Div([icon("note"), html.Div([html.Span(said), _said(later, zone) if later else None])],
                    className="message bad")  # fmt: skip


def correction_row(row: CorrectionRow, zone: str, who: Scope) -> html.Tr:
    """One line of the list of all corrections."""
    undone = [badge(_("undone"), "neutral"), html.Div([free(row.undone_by), " ", when(row.undone_at, zone)],
              className="second")] if row.undone_at else undo_button(row, who)  # fmt: skip
    study = dcc.Link(told(study_text(row.study)), href=f"/studies/{row.study.id}") if row.study else None
    return html.Tr(
        [
            html.Td([when(row.made_at, zone), html.Div(free(row.made_by), className="second")]),
            html.Td(told(correction_text(row))),
            html.Td(study),
            html.Td(free(row.reason) if row.reason else None),
            html.Td(undone),
        ],
        key=str(row.id),
    )
