"""Words of rules of alerts: their fields with units, their condition as a sentence, how sure their source is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dash import html

from dash_app.components.parts import badge, icon
from dash_app.components.values import ltr, told, when
from dash_app.context import web
from dash_app.i18n import N_, _, isolated, language
from dash_app.procedure_names import procedure_text
from dose.alerts import wording
from dose.alerts.interventional import COLUMNS, KERMA, PRODUCT, TIME
from dose.levels.draft import CERTAIN
from dose.quantities import display, number_text
from dose.queries.alert_rules import HERE, RuleRow
from dose.statistics.measures import EVENT, MEASURES, STUDY
from dose.store.alert_rules import SHIPPER
from dose.store.naming_rules import RuleGone

NUMBER, WHOLE, CHOICE, MEASURE = "number", "whole", "choice", "measure"
UNITS = {KERMA: "mGy", PRODUCT: "Gy·cm²", TIME: "s"}
VERIFIED = {
    "two sources": N_("two sources"), "one source": N_("one source"), HERE: N_("our own"),
    "unconfirmed": N_("unconfirmed"),
}  # fmt: skip
CHOICES = {
    **dict.fromkeys(COLUMNS, ""),
    "alert": N_("alert value, of the whole examination"),
    "notification": N_("notification value, of one scan"),
    "procedure": N_("the same procedure"),
    "region": N_("the same region of the body"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """A term of a kind: `sort` number, whole, choice or measure; borders in its unit; `needed` False may stay empty."""

    name: str
    label: str
    unit: str = ""
    low: float = 0.0
    high: float = 0.0
    default: Any = None
    sort: str = NUMBER
    needed: bool = True
    choices: tuple[str, ...] = ()


_MEASURE = Field("measure", N_("Quantity"), sort=MEASURE, default="dlp_mgy_cm-study")
FIELDS: Mapping[str, tuple[Field, ...]] = {
    "acquisition": (
        Field("body_mgy", N_("CTDIvol, body (32 cm)"), "mGy", 0.1, 10_000, 80),
        Field("head_mgy", N_("CTDIvol, head (16 cm)"), "mGy", 0.1, 10_000, 120),
        Field("perfusion_mgy", N_("CTDIvol of a perfusion"), "mGy", 0.1, 10_000, needed=False),
    ),
    "trigger": (
        Field("column", N_("Quantity"), sort=CHOICE, default=KERMA, choices=COLUMNS),
        Field("first", N_("First notification"), "*", 0.01, 1e6, 5000),
        Field("increment", N_("Then at every further"), "*", 0.01, 1e6, needed=False),
    ),
    "cumulative": (
        Field("first_mgy", N_("First notification"), "mGy", 0.01, 1e6, 5000),
        Field("increment", N_("Then at every further"), "mGy", 0.01, 1e6, needed=False),
        Field("days", N_("Within days"), "", 1, 366, 60, WHOLE),
    ),
    "dose-check": (Field("of", N_("Which value"), sort=CHOICE, default="alert", choices=("alert", "notification")),),
    "identity": (Field("due_days", N_("Decided within days"), "", 1, 365, 7, WHOLE),),
    "software": (),
    "level": (
        _MEASURE,
        Field("factor", N_("Times the reference level"), "×", 0.1, 100, 1),
        Field("in_a_row", N_("Examinations in a row"), "", 1, 100, 1, WHOLE),
        Field("mean_of", N_("And the mean of the last (0: no mean)"), "", 0, 1000, 0, WHOLE),
        Field("mean_factor", N_("Mean above times the level"), "×", 0.1, 100, needed=False),
    ),
    "percentile": (
        _MEASURE,
        Field("percentile", N_("Percentile of its protocol and size"), "%", 50, 100, 99),
        Field("least_ratio", N_("And above times their median"), "×", 1, 100, 1),
    ),
    "repeated": (
        Field("hours", N_("Within hours"), "h", 0.1, 9000, 24),
        Field("count", N_("Examinations"), "", 2, 100, 2, WHOLE),
        Field("same", N_("Of"), sort=CHOICE, default="procedure", choices=("procedure", "region")),
    ),
    "tube-voltage": (
        Field("tolerance_kv", N_("Further than"), "kV", 0.1, 100, 5),
        Field("share", N_("From all but this share of the former ones"), "", 0, 0.5, 0),
    ),
    "drift": (
        _MEASURE,
        Field("factor", N_("Change by a factor of"), "×", 1.01, 10, 1.25),
        Field("months", N_("Against months before"), "", 1, 24, 3, WHOLE),
        Field("least", N_("Examinations at least"), "", 30, 10_000, 30, WHOLE),
    ),
    "silent-device": (
        Field("times", N_("Times the longest usual pause"), "×", 1, 100, 2),
        Field("least_days", N_("At least days"), "", 1, 365, 2, WHOLE),
    ),
    "no-dose": (Field("hours", N_("After hours"), "h", 1, 336, 24, WHOLE),),
    "worker": (Field("minutes", N_("Silent for minutes"), "min", 2, 1440, 10, WHOLE),),
    "disk": (Field("free_gb", N_("Less free than"), "GB", 0.1, 100_000, 5),),
    "notices": (Field("hours", N_("Waiting for hours"), "h", 1, 720, 1, WHOLE),),
}
REFUSED = {
    "unknown": N_("This kind of rule has no such number."),
    "missing": N_("This must be said."),
    "number": N_("A number is expected."),
    "range": N_("The number is outside what makes sense."),
    "choice": N_("Choose one of the list."),
    "order": N_("The mean cannot be held against more than a single value."),
    "kind": N_("There is no such kind of rule."),
    "name": N_("Give the rule a name, of at most 160 letters."),
    "citation": N_("Name the source of the numbers, or say that they are your own."),
    "severity": N_("Choose how urgent it is."),
    "budget": N_("The budget is a whole number of messages a week, or empty."),
    "site": N_("There is no such site."),
    "device": N_("There is no such device in your reach."),
    "procedure": N_("Choose a procedure that is in use."),
    "key": N_("There is such a rule already."),
}


def measures(kind: str, chosen: str | None) -> list[dict[str, str]]:
    """The quantities that a rule of a kind may be about, whatever the phantom, and the one that is chosen."""
    levels = (STUDY,) if kind == "percentile" else (STUDY, EVENT)
    keys = dict.fromkeys(f"{one.column}-{one.level}" for one in MEASURES.values() if one.level in levels)
    wanted = [*keys, *([chosen] if chosen and chosen not in keys else [])]
    return [{"value": key, "label": measure_text(key)} for key in wanted]


def measure_text(key: str) -> str:
    """A measure by its key: *Dose length product, whole examination*."""
    column, _dash, rest = key.partition("-")
    level, _dash, phantom = rest.partition("-")
    of = _("whole examination") if level == STUDY else _("one acquisition")
    parts = [wording.quantity_name(column, language()), of, *([isolated(f"{phantom} cm")] if phantom else [])]
    return " · ".join(parts)


def refusal_text(code: str, kind: str) -> str:
    """Why a rule cannot be, with the field it is about and what would make sense."""
    what, _colon, name = code.partition(":")
    field = next((one for one in FIELDS.get(kind, ()) if one.name == name), None)
    text = _(REFUSED.get(what, REFUSED["unknown"]))
    if field is None:
        return text
    between = _("%(low)s to %(high)s", low=isolated(number_text(field.low)), high=isolated(number_text(field.high)))
    return f"{_(field.label)}: {text}" + (f" ({between})" if what == "range" else "")


def gone(error: RuleGone, path: str) -> html.Div:
    """Who was faster, and the way to what holds now."""
    said: list[Any] = [_("Somebody changed this rule meanwhile: nothing was saved."), " "]
    if error.by:
        said += [told(_("By: %(who)s", who=isolated(error.by))), " · ", when(error.at, web().settings.time_zone), " "]
    if error.successor:
        said.append(html.A(_("Open it as it is now"), href=f"{path}?rule={error.successor}"))
    return html.Div([icon("note"), html.Span(said)], className="message bad")


def source_badge(row: RuleRow) -> html.Span:
    """How sure the source is; who confirmed it, where it was not."""
    if row.verified in CERTAIN:
        return badge(_(VERIFIED[row.verified]), "fine" if row.verified != HERE else "neutral", "ok")
    if row.is_open or row.made_by == SHIPPER:
        return badge(_("unconfirmed"), "amber", "note")
    return badge(_("confirmed here"), "fine", "ok", title=row.made_by)


def scope_text(row: RuleRow) -> list[Any]:
    """Where a rule holds."""
    procedure = procedure_text(row.procedure_key or "", row.procedure) if row.procedure else None
    said = [one for one in (row.modality, row.device or row.site, procedure) if one]
    parts: list[Any] = [part for one in said for part in (ltr(one), " · ")][:-1]
    return parts or [_("everywhere")]


# ---- the condition in words ----------------------------------------------------------------------------------------


def condition(kind: str, params: Mapping[str, Any]) -> str:
    """What a rule watches for, with its numbers and units."""
    try:
        return _SENTENCES[kind](dict(params)) if kind in _SENTENCES else ""
    except (KeyError, TypeError, ValueError):  # a rule that another version wrote is shown by its name alone
        return ""


Said = Mapping[str, Any]


def _amount(column: str, value: float) -> str:
    if column == TIME:
        return _plain(value / 60, "min")
    number, unit = display(column, value)
    return isolated(f"{number}\N{NO-BREAK SPACE}{unit}")


def _plain(value: float, unit: str = "") -> str:
    return isolated(f"{number_text(value)}\N{NO-BREAK SPACE}{unit}" if unit else number_text(value))


def _joined(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)


def _acquisition(said: Said) -> str:
    body, head = (_amount("ctdi_vol_mgy", said[name]) for name in ("body_mgy", "head_mgy"))
    above = _("CTDIvol above %(body)s (body, 32 cm) or %(head)s (head, 16 cm)", body=body, head=head)
    if said.get("perfusion_mgy") is None:
        return above
    return _joined(above + ";", _("perfusions above %(level)s", level=_amount("ctdi_vol_mgy", said["perfusion_mgy"])))


def _trigger(said: Said) -> str:
    column = said["column"]
    return _from(wording.quantity_name(column, language()), column, said["first"], said.get("increment"))


def _from(name: str, column: str, first: float, increment: float | None) -> str:
    begin = _("%(quantity)s from %(first)s on", quantity=name, first=_amount(column, first))
    if increment is None:
        return begin
    return begin + _(", then every further %(increment)s", increment=_amount(column, increment))


def _cumulative(said: Said) -> str:
    days = _("of one patient within %(days)s days", days=_plain(said.get("days", 60)))
    name = f"{wording.quantity_name(KERMA, language())} {days}"
    return _from(name, KERMA, said["first_mgy"], said.get("increment"))


def _dose_check(said: Said) -> str:
    if said["of"] == "alert":
        return _("Before a scan, the console warned that its alert value would be exceeded")
    return _("Before a scan, the console warned that its notification value would be exceeded")


def _identity(said: Said) -> str:
    return _("Acquisitions contradict the name of the study; to be decided within %(days)s days",
             days=_plain(said.get("due_days", 7)))  # fmt: skip


def _level(said: Said) -> str:
    text = _("%(measure)s above %(factor)s times the reference level", measure=measure_text(said["measure"]),
             factor=_plain(said.get("factor", 1)))  # fmt: skip
    if said.get("in_a_row", 1) > 1:
        text += _(", %(n)s in a row", n=_plain(said["in_a_row"]))
    if said.get("mean_of"):
        text += _(", and the mean of the last %(n)s above %(factor)s times", n=_plain(said["mean_of"]),
                  factor=_plain(said["mean_factor"]))  # fmt: skip
    return text


def _percentile(said: Said) -> str:
    text = _("%(measure)s above percentile %(n)s of its protocol and size", measure=measure_text(said["measure"]),
             n=_plain(said["percentile"]))  # fmt: skip
    if said.get("least_ratio", 1) <= 1:
        return text
    return text + _(", and above %(factor)s times their median", factor=_plain(said["least_ratio"]))


def _repeated(said: Said) -> str:
    count, hours = _plain(said.get("count", 2)), _plain(said["hours"], "h")
    if said.get("same", "procedure") == "procedure":
        return _("%(count)s examinations of the same procedure within %(hours)s", count=count, hours=hours)
    return _("%(count)s examinations of the same region within %(hours)s", count=count, hours=hours)


def _voltage(said: Said) -> str:
    tolerance, share = _plain(said.get("tolerance_kv", 5), "kV"), said.get("share", 0)
    if not share:
        return _("A tube voltage further than %(kv)s from all that the protocol had before", kv=tolerance)
    return _("A tube voltage further than %(kv)s from all but %(share)s of what the protocol had before", kv=tolerance,
             share=_plain(100 * share, "%"))  # fmt: skip


def _drift(said: Said) -> str:
    return _(
        "The median of %(measure)s changed by a factor of %(factor)s against the %(months)s months before; from "
        "%(least)s examinations on", measure=measure_text(said["measure"]), factor=_plain(said.get("factor", 1.25)),
        months=_plain(said.get("months", 3)), least=_plain(said.get("least", 30)),
    )  # fmt: skip


_SENTENCES: Mapping[str, Callable[[Said], str]] = {
    "acquisition": _acquisition, "trigger": _trigger, "cumulative": _cumulative, "dose-check": _dose_check,
    "identity": _identity, "level": _level, "percentile": _percentile, "repeated": _repeated,
    "tube-voltage": _voltage, "drift": _drift,
    "software": lambda _said: _("Other software than at the examination before"),
    "silent-device": lambda said: _(
        "No dose for %(times)s times the longest usual pause, and at least %(days)s days",
        times=_plain(said.get("times", 2)), days=_plain(said.get("least_days", 2)),
    ),
    "no-dose": lambda said: _("Images that have no dose after %(hours)s", hours=_plain(said.get("hours", 24), "h")),
    "worker": lambda said: _(
        "A process is silent, or doses wait, for %(minutes)s", minutes=_plain(said.get("minutes", 10), "min")
    ),
    "disk": lambda said: _("Less than %(room)s free on the disk", room=_plain(said.get("free_gb", 5), "GB")),
    "notices": lambda said: _(
        "A notice waits for a person for %(hours)s", hours=_plain(said.get("hours", 1), "h")
    ),
}  # fmt: skip
