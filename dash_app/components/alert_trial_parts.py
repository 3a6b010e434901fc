"""What a rule would have raised in twelve months, beside the rule in force: numbers, months, names, confirmed cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import dcc, html

from dash_app.components.alert_setting_parts import role_name
from dash_app.components.parts import attributes, badge, icon
from dash_app.components.values import free, ltr, plain_number, told
from dash_app.i18n import N_, _, isolated, language, ngettext
from dose.alerts import wording
from dose.quantities import number_text
from dose.queries.role_budgets import Hearers
from dose.queries.rule_trial import Lost, Trial

REMARKS = {
    "as-today": N_("Studies count as if they had come on their day, with the names, levels and corrections of today."),
    "later-too": N_("Each study is compared with its like of its year and the year before, later ones among them."),
    "a-year-back": N_("What was usual is looked for at most a year before the first day."),
    "not-shared": N_("A scan that two studies hold is tried with the study it belongs to."),
    "no-past": N_("This rule looks at the present state: the past does not keep what it needs, so it cannot be tried."),
}  # fmt: skip
UNJUDGED = {
    "no-procedure": N_("without a mapped name"), "no-level": N_("no level"), "other-time": N_("no level at this time"),
    "other-group": N_("no level for these patients"), "phantom-not-stated": N_("phantom not stated"),
    "phantoms-mixed": N_("both phantoms"), "other-phantom": N_("levels are for another phantom"),
    "ambiguous": N_("two levels of one rank differ"), "age-unknown": N_("age not stated"),
    "weight-unknown": N_("weight not stated"), "sex-unknown": N_("sex not stated"),
    "thickness-unknown": N_("thickness not stated"), "complexity-unknown": N_("complexity not stated"),
    "few": N_("too few before"), "no-size": N_("neither weight nor age, or no like"), "no-patient": N_("no patient"),
}  # fmt: skip


def trial_view(tried: Trial | None, in_force: Trial | None, budget: int | None) -> html.Div:
    """The answer; `in_force` None: there is nothing to stand beside."""
    if tried is None:
        return html.Div(_("No studies yet: there is no past to try a rule on."), className="quiet")
    if not tried.is_tried:
        return html.Div([_period(tried), _remarks(tried.remarks)])
    return html.Div(
        [
            _period(tried), _numbers(tried, in_force), _week(tried, budget), _cases(tried, in_force),
            _part(_("By month"), _months(tried, in_force)), _part(_("By protocol"), _names(tried, in_force)),
            _unjudged(tried.unjudged), _remarks(tried.remarks),
        ]
    )  # fmt: skip


def told_view(hearers: Sequence[Hearers], tried: Trial | None, *, at_once: bool) -> Any:  # noqa: ANN401 - a component
    """Who would have been told, by role: what a month would have held, beside the budget of the role.

    Where the past cannot be tried, who would be told alone.
    """
    own = tried.alerts / 12 if tried is not None and tried.is_tried else None
    lines = [_told(one, own, at_once=at_once) for one in hearers]
    note = html.P(_("It goes at once: it is neither counted nor held back by a budget."), className="quiet")
    none = html.P(_("No route leads from alerts of this urgency to anybody."), className="quiet")
    shown = [html.Ul(lines, className="plain-list") if lines else none, note if at_once else None]
    return _part(_("Who would have been told"), html.Div(shown))


def _told(one: Hearers, own: float | None, *, at_once: bool) -> html.Li:
    people = ngettext("%(n)s person", "%(n)s people", one.people)
    month = [] if own is None else [
        _("%(n)s a month by this rule, %(others)s by all others lately", n=isolated(number_text(own, 2)),
          others=isolated(number_text(one.others, 2)))
    ]  # fmt: skip
    most = _("no limit") if one.per_day is None else _("%(n)s a day", n=isolated(str(one.per_day)))
    over = one.per_day is not None and (own or 0) + one.others > one.per_day * 30 and not at_once
    badge_of = badge(_("above the budget"), "amber", "note") if over else None
    said = told(" · ".join([people, *month, _("budget: %(most)s", most=most)]))
    return html.Li([html.Strong(role_name(one.role)), " · ", said, " ", badge_of])


def _period(tried: Trial) -> html.P:
    days = [isolated(day.isoformat()) for day in (tried.first, tried.last)]
    return html.P(told(_("%(first)s to %(last)s", first=days[0], last=days[1])), className="quiet")


def _numbers(tried: Trial, in_force: Trial | None) -> html.Div:
    both = [(_("Alerts with this rule"), tried), *([(_("In force now"), in_force)] if in_force else [])]
    return html.Div(
        [
            html.Div([html.Div(plain_number(one.alerts), className="trial-count"), html.Div(text, className="second")])
            for text, one in both
        ],
        className="trial-numbers",
    )  # fmt: skip


def _week(tried: Trial, budget: int | None) -> html.P:
    text = _("%(n)s a week on average, %(most)s in the week with most.", n=isolated(number_text(tried.per_week, 2)),
             most=isolated(str(tried.busiest)))  # fmt: skip
    if budget is None:
        return html.P(told(text))
    over = tried.weeks_over(budget)
    said = ngettext("%(n)s week is above the budget.", "%(n)s weeks are above the budget.", over)
    return html.P([told(text), " ", badge(said, "amber" if over else "fine", "note" if over else "ok")])


def _cases(tried: Trial, in_force: Trial | None) -> Any:  # noqa: ANN401 - a component
    """Confirmed cases of this rule that it still finds, and links to those it would lose."""
    if in_force is None:
        return None
    if not tried.confirmed:
        return html.P(_("No alert of this rule was confirmed in this time."), className="quiet")
    text = _("%(kept)s of %(all)s confirmed cases are kept.", kept=isolated(str(tried.kept)),
             all=isolated(str(tried.confirmed)))  # fmt: skip
    if not tried.lost:
        return html.P(badge(text, "fine", "ok"))
    return html.Div([html.P(badge(text, "red", "note")), html.Strong(_("It would lose:")),
                     html.Ul([_lost(one) for one in tried.lost], className="plain-list")])  # fmt: skip


def _lost(one: Lost) -> html.Li:
    words = wording.title({"code": one.code, "details": {}}, language())
    return html.Li(dcc.Link([ltr(one.day.isoformat(), "num"), " ", words], href=f"/alerts/{one.alert_id}"))


def _part(title: str, content: Any) -> Any:  # noqa: ANN401 - components
    return html.Section([html.H3(title), content]) if content is not None else None


def _months(tried: Trial, in_force: Trial | None) -> html.Div:
    before: Mapping[int, int] = in_force.months if in_force else {}
    most = max([1, *tried.months.values(), *before.values()])
    return html.Div(
        [
            _line(ltr(f"{month // 100}-{month % 100:02}", "num"), count, before.get(month) if in_force else None, most)
            for month, count in tried.months.items()
        ],
        className="trial-bars", role="list",
    )  # fmt: skip


def _names(tried: Trial, in_force: Trial | None) -> html.Div | None:
    if not tried.named:
        return None
    before = dict(in_force.named) if in_force else {}
    most = max([1, *(count for _, count in tried.named), *before.values()])
    lines = [_line(free(name) if name else _("without a name"), count, before.get(name), most)
             for name, count in tried.named]  # fmt: skip
    more = ngettext("%(n)s more of other names", "%(n)s more of other names", tried.others) if tried.others else None
    return html.Div([*lines, html.P(more, className="quiet") if more else None], className="trial-bars", role="list")


def _line(name: Any, count: int, before: int | None, most: int) -> html.Div:  # noqa: ANN401 - a component
    """A bar as long as its share of the largest; a thinner one for the rule in force, and both numbers in words."""
    both = ((count, "trial-bar"), (before or 0, "trial-bar former"))
    bars = [html.Span(className=name, style={"inlineSize": f"{100 * n / most:.1f}%"}) for n, name in both if n]
    numbers: Sequence[Any] = [plain_number(count)]
    if before is not None:
        numbers = [plain_number(count), html.Span([" / ", plain_number(before)], className="quiet")]
    spoken = _("%(n)s with this rule", n=isolated(str(count)))
    return html.Div([html.Span(name, className="trial-name"), html.Span(bars, className="trial-track"),
                     html.Span(numbers, className="trial-number", **attributes(aria_label=spoken))],
                    className="trial-line", role="listitem")  # fmt: skip


def _unjudged(counts: Mapping[str, int]) -> Any:  # noqa: ANN401 - a component
    if not counts:
        return None
    said = [f"{_(UNJUDGED.get(code, code))} {isolated(number_text(n, 15))}" for code, n in counts.items()]
    text = _("Not judged: %(reasons)s", reasons=" · ".join(said))
    return html.P([icon("info"), told(text)], className="quiet with-icon")


def _remarks(codes: Sequence[str]) -> html.Ul:
    return html.Ul([html.Li(_(REMARKS[code])) for code in codes], className="quiet trial-remarks")
