"""Where a dose stands, in words and as a slim bar, and what makes the difference as a small waterfall."""

from __future__ import annotations

import math
from typing import Any

from dash import dcc, html

from dash_app.components.parts import attributes, icon
from dash_app.components.values import amount, local_time, symbol, told
from dash_app.figures.style import shown
from dash_app.i18n import N_, _, isolated, ngettext
from dash_app.vocabulary import name_of
from dose.levels.compare import Choice
from dose.quantities import NARROW_SPACE, number_text
from dose.queries import StudyRow
from dose.queries.standing import DoseStanding, Earlier, StudyStanding
from dose.statistics.outliers import FEWEST, REST, WEIGHT, Decomposition, Part, Size, Standing, steps

FACTORS = {
    "phases": N_("acquisitions"),
    "length": N_("length of an acquisition"),
    "ctdi": N_("mean CTDIvol"),
    "mas": N_("mAs"),
    "tube": N_("tube voltage, pitch, filter"),
    "dlp_per_phase": N_("DLP of an acquisition"),
    "time": N_("fluoroscopy time"),
    "field": N_("irradiated field"),
    "kerma_rate": N_("reference kerma per second"),
    "pka_rate": N_("kerma-area product per second"),
    "kerma": N_("reference kerma"),
    "exposures": N_("exposures"),
    "per_mas": N_("dose per mAs"),
    "per_exposure": N_("dose of an exposure"),
    "weight": N_("body weight"),
    "per_kg": N_("activity per kg"),
    REST: N_("rest"),
}
UNITS = {"phases": "", "length": "cm", "ctdi": "mGy", "mas": "mAs", "tube": "kV", "time": "s", "field": "cm²",
         "exposures": "", "weight": "kg"}  # fmt: skip
_SMALL = 0.005  # of a logarithm: a factor that changes nothing


def times(ratio: float) -> str:
    """A ratio, as people say one."""
    return isolated(f"{number_text(ratio, 2 if ratio < 10 else 3)}")


def size_text(size: Size) -> str:
    """The size of the peers: from and to, in kg or years."""
    unit = f"{NARROW_SPACE}kg" if size.by == WEIGHT else ""
    low, high = (None if end is None else number_text(end) for end in (size.low, size.high))
    between = f"< {high}" if low is None else f"≥ {low}" if high is None else f"{low} – < {high}"
    text = isolated(f"{between}{unit}")
    if size.by != WEIGHT:
        text = _("%(n)s y", n=text)
    return _("%(size)s, with the weights beside", size=text) if size.widened else text


def sentence(standing: Standing, size: Size, parts: Decomposition | None, *, by_protocol: bool) -> str:
    """Where the dose stands and what makes the difference, in one sentence."""
    assert standing.median is not None
    said = {"ratio": times(standing.value / standing.median), "n": isolated(str(standing.n)), "size": size_text(size)}
    reasons = _(" and ").join(_reason(part) for part in parts.reasons) if parts else ""
    if by_protocol:
        if not reasons:
            return _(
                "%(ratio)s times the median of %(n)s studies of this protocol, device and size (%(size)s).", **said
            )
        return _("%(ratio)s times the median of %(n)s studies of this protocol, device and size (%(size)s), mostly by "
                 "%(reasons)s.", **said, reasons=reasons)  # fmt: skip
    if not reasons:
        return _("%(ratio)s times the median of %(n)s studies of this procedure, device and size (%(size)s).", **said)
    return _("%(ratio)s times the median of %(n)s studies of this procedure, device and size (%(size)s), mostly by "
             "%(reasons)s.", **said, reasons=reasons)  # fmt: skip


def _reason(part: Part) -> str:
    name = _(FACTORS[part.name])
    if part.name not in UNITS or part.value is None or part.reference is None:
        return _("%(factor)s (%(ratio)s times)", factor=name, ratio=times(part.ratio))
    value, reference = (isolated(f"{number_text(one, 3)} {UNITS[part.name]}".strip())
                        for one in (part.value, part.reference))  # fmt: skip
    return _("%(factor)s (%(value)s instead of %(reference)s)", factor=name, value=value, reference=reference)


# ---- the bar --------------------------------------------------------------------------------------------------------


def level_text(level: Choice, column: str, modality: str | None) -> str | None:
    """The level that applies, with its set and edition; None when there is none."""
    one = level.level
    if one is None:
        return None
    name = " ".join(part for part in (one.set_name, one.edition) if part)
    value = shown(column, one.value, modality)
    return _("reference level %(value)s (%(set)s)", value=value, set=f"\u2068{name}\u2069")


def no_rank(n: int, size: Size | None) -> str:
    """Why a dose has no rank."""
    if size is None:
        return _("no rank: neither weight nor age is known")
    return _("no rank: %(n)s alike, fewer than %(least)s", n=isolated(str(n)), least=isolated(str(FEWEST)))


def bar(standing: Standing, level: Choice, column: str, modality: str | None) -> html.Div | None:
    """The spread of the peers (P5 to P95), their median, the level and this study; None without rank."""
    if standing.median is None or standing.p5 is None or standing.p95 is None:
        return None
    limit = level.level.value if level.level else None
    ends = [one for one in (standing.p5, standing.p95, standing.value, limit) if one is not None]
    low, high = math.log(min(ends) / 1.12), math.log(max(ends) * 1.12)

    def place(value: float) -> str:
        return f"{100 * (math.log(value) - low) / (high - low):.1f}%"

    width = 100 * math.log(standing.p95 / standing.p5) / (high - low)
    band = html.Span(className="spread", style={"left": place(standing.p5), "width": f"{width:.1f}%"})
    marks = [html.Span(className="median", style={"left": place(standing.median)})]
    marks += [html.Span(className="limit", style={"left": place(limit)})] if limit else []
    own = html.Span(className="own far" if standing.stands_out else "own", style={"left": place(standing.value)})
    said = bar_words(standing, level, column, modality)
    return html.Div(
        [band, *marks, own], className="dose-bar", dir="ltr", role="img", title=said, **attributes(aria_label=said)
    )


def bar_key() -> html.Span:
    """What the marks of the bars are."""
    marks = (("spread", _("P5 to P95")), ("median", _("median")), ("limit", _("reference level")),
             ("own far", _("this study")))  # fmt: skip
    shown_marks = [
        html.Span([html.Span(html.Span(className=name), className="dose-bar"), text]) for name, text in marks
    ]
    return html.Span(shown_marks, className="bar-key quiet")


def bar_words(standing: Standing, level: Choice, column: str, modality: str | None) -> str:
    """What the bar shows, for who does not see it."""
    assert standing.percentile is not None
    told_values = {name: shown(column, getattr(standing, name), modality) for name in ("value", "median", "p5", "p95")}
    text = _("%(value)s, percentile %(percentile)s of %(n)s alike; median %(median)s, P5 to P95 %(p5)s to %(p95)s",
             percentile=isolated(number_text(standing.percentile, 3)), n=isolated(str(standing.n)), **told_values
             )  # fmt: skip
    limit = level_text(level, column, modality)
    return f"{text}; {limit}" if limit else text


def card_foot(found: DoseStanding | None, modality: str | None) -> list[Any]:
    """Under the dose of a card: the bar, and where the dose stands."""
    if found is None:
        return []
    column, standing = found.measure.column, found.standing
    limit = level_text(found.level, column, modality)
    note = html.Div(told(limit), className="card-stand") if limit else None
    if standing.median is None or found.size is None:
        return [html.Div(told(no_rank(standing.n, found.size)), className="card-stand quiet"), note]
    most = _("breast with most: ") if column == "agd_mgy" else ""
    text = _("median %(median)s · P%(percentile)s · n %(n)s", median=shown(column, standing.median, modality),
             percentile=isolated(number_text(standing.percentile or 0.0, 2)), n=isolated(str(standing.n)))  # fmt: skip
    return [bar(standing, found.level, column, modality), html.Div([most, told(text)], className="card-stand"), note]


def far_note(found: StudyStanding | None) -> Any:  # noqa: ANN401 - a component
    """The sentence on top of a study that stands out; None for all others."""
    judged = found.doses.get(found.judged or "") if found else None
    if found is None or judged is None or judged.size is None or not judged.standing.stands_out:
        return None
    text = sentence(judged.standing, judged.size, found.parts, by_protocol=found.by_protocol)
    more = html.Details([html.Summary(_("What makes the difference")), waterfall(found.parts)]) if found.parts else None
    name = html.Strong(name_of(judged.measure.column))
    return html.Div([icon("outliers"), html.Div([name, ": ", told(text), more])], className="message far-note")


# ---- the waterfall --------------------------------------------------------------------------------------------------


def waterfall(found: Decomposition | None) -> Any:  # noqa: ANN401 - a component
    """From the median to the dose, a line a factor; each bar begins where the one before ended."""
    if found is None:
        return html.P(_("What the dose is made of is not stated in the data."), className="quiet")
    shown_steps = [step for step in steps(found) if step[0].name != REST or abs(step[0].log) >= _SMALL]
    ends = [1.0, math.exp(found.whole), *(end for _part, start, stop in shown_steps for end in (start, stop))]
    low, high = math.log(min(ends)) - 0.05, math.log(max(ends)) + 0.05
    lines: list[Any] = [_line(_("median of its like"), 1.0, 1.0, (low, high), "whole")]
    for part, start, stop in shown_steps:
        lines.append(_line(_(FACTORS[part.name]), start, stop, (low, high), "step", part))
        inner = start
        for below in part.beneath:
            lines.append(_line(_(FACTORS[below.name]), inner, inner * below.ratio, (low, high), "beneath", below))
            inner *= below.ratio
    lines.append(_line(_("this study"), 1.0, math.exp(found.whole), (low, high), "whole"))
    return html.Ol(lines, className="waterfall")


def _line(
    name: str, start: float, stop: float, axis: tuple[float, float], kind: str, part: Part | None = None
) -> html.Li:
    low, high = axis
    first, last = sorted((math.log(start), math.log(stop)))
    left, width = (100 * one / (high - low) for one in (first - low, last - first))
    way = "up" if stop >= start else "down"
    piece = html.Span(className=f"piece {way}", style={"left": f"{left:.1f}%", "width": f"max({width:.1f}%, 2px)"})
    ratio = html.Bdi(f"× {number_text(stop / start, 3)}", dir="ltr", className="num")
    values = html.Span(_values(part), className="quiet values") if part else html.Span()
    track = html.Span(piece, className="track", dir="ltr", **attributes(aria_hidden="true"))
    return html.Li([html.Span(told(name), className="factor"), track, ratio, values], className=kind)


def _values(part: Part) -> list[Any]:
    if part.name not in UNITS or part.value is None or part.reference is None:
        return []
    value, reference = (html.Bdi(f"{number_text(one, 3)} {UNITS[part.name]}".strip(), dir="ltr")
                        for one in (part.value, part.reference))  # fmt: skip
    return [value, " ", _("instead of"), " ", reference]


def dose_cell(standing: Standing, level: Choice, column: str, modality: str | None) -> list[Any]:
    """A dose with its bar, median and level."""
    median = html.Div([_("median"), " ", amount(column, standing.median, modality)], className="second")
    limit = level_text(level, column, modality)
    return [
        html.Div(amount(column, standing.value, modality), className="strong"),
        bar(standing, level, column, modality),
        median,
        html.Div(told(limit), className="second") if limit else None,
    ]


def images_link(study: StudyRow, *, may: bool) -> Any:  # noqa: ANN401 - a component
    """One click to the images; None where the account may not see them, or Orthanc does not hold them."""
    if not may or not study.images_present:
        return None
    label = _("Open images")
    content = [icon("images"), html.Span(label, className="phone-only")]
    return html.A(content, href=f"/studies/{study.id}/images", target="_blank", rel="noopener",
                  className="button small", title=label, **attributes(aria_label=label))  # fmt: skip


def earlier_list(found: tuple[Earlier, ...], *, images: bool) -> html.Section | None:
    """Earlier examinations like this one: when, the dose it is judged by, its page and its images."""
    if not found:
        return None
    head = html.H2(_("Earlier, like this one"))
    return html.Section([head, html.Ul([_earlier(one, images) for one in found])], className="earlier")


def _earlier(one: Earlier, images: bool) -> html.Li:
    study = one.study
    day = local_time(study.started_at)[0] or _("no date")
    before = ngettext("%(n)s day before", "%(n)s days before", one.days) if one.days else _("the same day")
    stated = [(quantity, getattr(study, column)) for column, quantity in _SUMS]
    doses: list[list[Any]] = [
        [symbol(quantity), " ", amount(quantity, value, study.modality)] for quantity, value in stated if value
    ]
    link = dcc.Link(html.Bdi(day, dir="ltr"), href=f"/studies/{study.id}", title=study.description or "")
    first = html.Div([link, html.Span(told(before), className="quiet"), images_link(study, may=images)])
    return html.Li([first, html.Div(doses[0], className="second") if doses else None])


_SUMS = (("dlp_sum_mgy_cm", "dlp_mgy_cm"), ("pka_sum_gy_cm2", "pka_gy_cm2"), ("agd_sum_mgy", "agd_mgy"),
         ("activity_sum_mbq", "activity_mbq"))  # fmt: skip
