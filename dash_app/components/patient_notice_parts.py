"""Pieces of the page of messages to patients: sites, counts, notices, people who are never told, a dry run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import dcc, html

from dash_app.components.notice_words import CHANNELS
from dash_app.components.notice_words import STATES as SENT
from dash_app.components.parts import attributes, badge, empty, icon, section, table
from dash_app.components.patient_notice_words import LISTS, STATES, state, why
from dash_app.components.values import free, ltr, person_name, plain_number, when
from dash_app.filters import address, number
from dash_app.i18n import LANGUAGES, _, isolated, ngettext
from dose.queries.models import PatientIdentity
from dose.queries.patient_notices import DRY_DAYS, MOST_SHOWN, DryLine, DryRun, ExclusionLine, NoticeLine, Overview
from dose.store.notice_settings import SavedSettings

PATH = "/notices/patients"
CARDS = "stack labelled"


def switches(sites: Sequence[SavedSettings]) -> html.Div:
    """Each site with whether it writes, and the way to its settings."""
    return html.Div([_switch(one) for one in sites], className="choices")


def _switch(site: SavedSettings) -> html.Div:
    look = badge(_("on"), "fine", "ok") if site.settings.active else badge(_("off"), "neutral", "close")
    way = dcc.Link(_("Texts and settings"), href=f"/notices/texts?site={site.site_id}", className="button small")
    return html.Div([free(site.site, "strong"), " ", look, " ", way])


def counts(seen: Overview) -> html.Dl:
    """People who agreed and people on lists."""
    facts = [(_("Agreed to messages"), seen.consenting)]
    facts += [(_(text), seen.excluded.get(code, 0)) for code, text in LISTS.items()]
    return html.Dl([html.Div([html.Dt(name), html.Dd(plain_number(value))]) for name, value in facts],
                   className="counts-of-people")  # fmt: skip


def notices(lines: Sequence[NoticeLine], said: Mapping[str, str], seen: Overview, zone: str) -> html.Section:
    """The notices of the chosen state, or of all."""
    rest = {name: value for name, value in said.items() if name == "try"}
    links = [_state_link("", _("All"), sum(seen.states.values()), rest, said)]
    links += [_state_link(one, _(text), seen.states.get(one, 0), rest, said) for one, (text, *_l) in STATES.items()]
    none = empty(_("No message to a patient yet"), html.P(_("Record a consent on the page of a patient.")), "account")
    titles = (_("Patient"), _("Study"), _("State"), _("Due"), _("Message"))
    shown = table(_heads(*titles), [_notice(one, zone, titles) for one in lines], CARDS)
    cut = html.P(_most(), className="quiet") if len(lines) == MOST_SHOWN else None
    return section(_("Messages"), [html.Div(links, className="shortcuts"), shown if lines else none, cut])


def _most() -> str:
    return _("Only the first %(n)s are shown.", n=isolated(str(MOST_SHOWN)))


def _heads(*titles: str) -> list[html.Th]:
    return [html.Th(text, scope="col") for text in titles]


def _state_link(code: str, text: str, count: int, rest: Mapping[str, str], said: Mapping[str, str]) -> dcc.Link:
    here = " current" if code == said.get("state", "") else ""
    shown: list[Any] = [text, " ", html.Bdi(str(count), className="num count", dir="ltr")]
    return dcc.Link(shown, href=address({**rest, **({"state": code} if code else {})}, PATH),
                    className=f"button small{here}")  # fmt: skip


def _labelled(titles: Sequence[str], cells: Sequence[Any], key: str | None = None) -> html.Tr:
    """A row whose cells carry the name of their column, which a telephone shows beside each."""
    pairs = zip(titles, cells, strict=True)
    return html.Tr([html.Td(cell, **attributes(data_label=title)) for title, cell in pairs], key=key)


def _notice(one: NoticeLine, zone: str, titles: Sequence[str]) -> html.Tr:
    opened = [" ", html.Div([_("opened"), " ", when(one.opened_at, zone)], className="second")]
    reason = html.Div(why(one.why), className="second") if one.why else None
    cells = [
        _person(one.identity, one.patient_id),
        dcc.Link(ltr(str(one.day) if one.day else None), href=f"/studies/{one.study_id}"),
        [state(one.state), reason, *(opened if one.opened_at else ())],
        when(one.due_at, zone),
        _sent(one),
    ]
    return _labelled(titles, cells, str(one.id))


def _sent(one: NoticeLine) -> Any:  # noqa: ANN401 - a component
    if one.sent is None:
        return html.Span("–", className="missing")
    said = SENT.get({"pending": "waiting", "leased": "waiting"}.get(one.sent, one.sent))
    by = CHANNELS.get(one.channel or "", "")
    return [_(by), " ", badge(_(said[0]), said[1], said[2]) if said else one.sent]


def _person(who: PatientIdentity | None, patient_id: int) -> Any:  # noqa: ANN401 - a component
    if who is None:
        return html.Span(_("Identity not shown"), className="quiet")
    name = person_name(who.name) or who.patient_id
    return [dcc.Link(free(name), href=f"/patients/{patient_id}"), html.Div(ltr(who.patient_id), className="second")]


def never_told(lines: Sequence[ExclusionLine], zone: str) -> html.Section:
    """Who is never written to."""
    titles = (_("Patient"), _("List"), _("Since"), _("By"))
    cells = (
        (_person(one.identity, one.patient_id), _(LISTS.get(one.why, one.why)), when(one.at, zone), ltr(one.by))
        for one in lines
    )
    shown = table(_heads(*titles), [_labelled(titles, one) for one in cells], CARDS)
    none = html.P(_("Nobody. People are put on these lists on their own page."), className="quiet")
    return section(_("Never told"), [shown if lines else none])


def dry_section(
    sites: Sequence[SavedSettings], said: Mapping[str, str], tried: DryRun | None, zone: str
) -> html.Section:
    """The ways to a dry run of each site, and the one that was asked for."""
    rest = {name: value for name, value in said.items() if name == "state"}
    links = [
        dcc.Link([icon("search"), free(one.site)], href=address({**rest, "try": str(one.site_id)}, PATH),
                 className=f"button small{' current' if one.site_id == number(said.get('try')) else ''}")
        for one in sites
    ]  # fmt: skip
    text = _(
        "Who would have been told of what in the last %(days)s days, by the settings as they are. Nothing is sent.",
        days=isolated(str(DRY_DAYS)),
    )
    head = [html.P(text, className="quiet"), html.Div(links, className="shortcuts")]
    return section(_("Dry run"), [*head, *(_dry(tried, zone) if tried else ())])


def _dry(tried: DryRun, zone: str) -> list[Any]:
    would = ngettext("%(n)s message", "%(n)s messages", tried.reasons.get(None, 0))
    reasons = [html.Li([plain_number(count), " · ", why(code)]) for code, count in tried.reasons.items() if code]
    total = ngettext("of %(n)s study", "of %(n)s studies", sum(tried.reasons.values()))
    titles = (_("Patient"), _("Study"), _("Would be told"))
    rows = [_dry_line(one, zone, titles) for one in tried.lines]
    shown = table(_heads(*titles), rows, CARDS) if rows else None
    cut = html.P(_most(), className="quiet") if len(tried.lines) == MOST_SHOWN else None
    return [html.P(html.Strong(f"{would} {total}")), html.Ul(reasons, className="plain-list"), shown, cut]


def _dry_line(one: DryLine, zone: str, titles: Sequence[str]) -> html.Tr:
    if one.why is not None:
        told: Any = html.Span(why(one.why), className="quiet")
    else:
        by = CHANNELS.get(one.channel or "", "")
        told = [when(one.due_at, zone), " · ", _(by), " · ", LANGUAGES.get(one.language or "", "")]
    name = person_name(one.identity.name) or one.identity.patient_id if one.identity else None
    study = dcc.Link(ltr(str(one.day) if one.day else None), href=f"/studies/{one.study_id}")
    cells = [free(name) if name else html.Span(_("Identity not shown"), className="quiet"), study, told]
    return _labelled(titles, cells, str(one.study_id))
