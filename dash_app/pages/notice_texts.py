"""What a site writes to its patients: texts checked as they are typed, seen on a telephone; the site's settings."""

from __future__ import annotations

from typing import Any

from dash import Input, Output, State, callback, dcc, html, no_update
from dash.dependencies import ALL
from dash.exceptions import PreventUpdate
from sqlalchemy.orm import Session

from dash_app.components import notice_setting_parts as form
from dash_app.components import notice_text_parts as parts
from dash_app.components.notice_tabs import notice_tabs
from dash_app.components.parts import empty, page_head, section
from dash_app.components.patient_notice_words import refusal
from dash_app.context import changing, note_view, reading, web
from dash_app.filters import number, parameters
from dash_app.i18n import LANGUAGES, _, isolated
from dash_app.ids import Id
from dash_app.tell_ids import TellId, notice_setting_id
from dose import audit
from dose.notify.lint import lint
from dose.notify.templates import CHANNELS, Template
from dose.queries import patient_notices as ask
from dose.scope import Permission, Scope
from dose.store.notice_settings import NoticeRefused, SavedSettings, save_settings
from dose.store.notice_templates import TemplateRefused, in_force, longest, rules_of, save_template, versions

TELL, PATH = Permission.TELL_PATIENTS, "/notices/texts"


def layout(search: str = "") -> html.Div:  # noqa: ARG001 - every layout gets the address
    """The page before anything is asked for."""
    lead = _("What patients are written. The text says that a document is ready; the document itself opens with the "
             "code. A text that the check refuses cannot be put in force.")  # fmt: skip
    return html.Div(
        [
            page_head(_("Texts to patients"), crumbs=[(_("Notices"), "/notices")]),
            notice_tabs(PATH),
            html.P(lead, className="lead"),
            html.Div(html.Div(className="bone block"), id=TellId.TEXTS_BODY),
            dcc.Store(id=TellId.TEXTS_KEY),
            html.Div(id=TellId.NOTICE_SETTINGS),
            html.Div(id=TellId.NOTICE_SETTINGS_ANSWER, role="status"),
            dcc.Store(id=TellId.NOTICE_SETTINGS_KEY),
        ],
        className="quality notices-page",
    )


def _asked(search: str | None) -> dict[str, str]:
    said = parameters(search)
    channel, wanted = said.get("channel", ""), said.get("language", "")
    return said | {
        "channel": channel if channel in CHANNELS else "sms", "language": wanted if wanted in LANGUAGES else "en",
    }  # fmt: skip


def _site(session: Session, who: Scope, wanted: str | None) -> tuple[list[SavedSettings], SavedSettings | None]:
    """The sites of the account, and the one that is asked for, else the first."""
    sites = ask.sites(session, who)
    chosen = next((one for one in sites if one.site_id == number(wanted)), None)
    return sites, chosen or next(iter(sites), None)


@callback(
    Output(TellId.TEXTS_BODY, "children"),
    Output(TellId.TEXTS_KEY, "data"),
    Input(Id.URL, "search"),
    Input(TellId.NOTICE_SETTINGS_ANSWER, "children"),
    State(Id.URL, "pathname"),
)
def show_texts(search: str | None, _answer: Any, pathname: str) -> tuple[Any, Any]:  # noqa: ANN401
    """The editor of the chosen text, and its versions."""
    if pathname.rstrip("/") != PATH:
        raise PreventUpdate
    said = _asked(search)
    with reading(TELL) as (session, who):
        sites, site = _site(session, who, said.get("site"))
        found = versions(session, site.site_id, said["language"], said["channel"]) if site else []
    note_view(audit.Action.VIEW_LIST, f"{PATH}{search}", again=False, subject="texts", count=len(found))
    if site is None:
        return empty(_("No site yet"), html.P(_("A site appears with its first study."))), None
    shown = next((one for one in found if one.version == number(said.get("version"))), found[0])
    here = {"site": str(site.site_id), "channel": said["channel"], "language": said["language"]}
    body = [
        parts.choices(sites, said, site),
        html.Div([parts.editor(shown.template), html.Div(id=TellId.TEXT_CHECK)], className="text-and-check"),
        html.Div(id=TellId.TEXT_ANSWER, role="status"),
        section(_("Versions"), [html.Div(id=TellId.TEXT_VERSIONS)]),
    ]
    return body, here | {"version": found[0].version}


@callback(Output(TellId.TEXT_VERSIONS, "children"), Input(TellId.TEXTS_KEY, "data"), State(Id.URL, "search"))
def show_versions(key: dict[str, Any] | None, search: str | None) -> Any:  # noqa: ANN401 - a component
    """The versions of the chosen text, again after one was put in force."""
    if key is None:
        raise PreventUpdate
    here = {name: str(key[name]) for name in ("site", "channel", "language")}
    with reading(TELL) as (session, who):
        _sites, site = _site(session, who, here["site"])
        found = versions(session, site.site_id, here["language"], here["channel"]) if site else []
    if not found:
        return None
    shown = number(parameters(search).get("version"))
    return parts.version_table(found, here, found[0].version if shown is None else shown, web().settings.time_zone)


def _template(key: dict[str, Any], subject: str | None, text: str | None) -> Template:
    return Template(key["language"], key["channel"], text or "", (subject or "") if key["channel"] == "email" else "")


@callback(
    Output(TellId.TEXT_CHECK, "children"),
    Input(TellId.TEXT_TEXT, "value"),
    Input(TellId.TEXT_SUBJECT, "value"),
    Input(TellId.TEXTS_KEY, "data"),
)
def check(text: str | None, subject: str | None, key: dict[str, Any] | None) -> Any:  # noqa: ANN401 - components
    """What the linter says of what is typed, and telephones that show it."""
    if key is None:
        raise PreventUpdate
    settings, template = web().settings, _template(key, subject, text)
    with reading(TELL) as (session, who):
        _sites, site = _site(session, who, str(key["site"]))
        if site is None:
            raise PreventUpdate
        others = [
            in_force(session, site, one, template.channel, replies=settings.sms_replies)
            for one in LANGUAGES
            if one != template.language
        ]
    found = lint(template, rules_of(site, replies=settings.sms_replies), longest(site, settings.public_url))
    values = parts.sample(site, settings.public_url)
    shown = [(one, parts.filled(one, values)) for one in (template, *others)]
    return [parts.verdict(template, found, values, settings.sms_prices), parts.phones(shown, template.language)]


@callback(
    Output(TellId.TEXT_ANSWER, "children"),
    Output(TellId.TEXTS_KEY, "data", allow_duplicate=True),
    Input(TellId.TEXT_SAVE, "n_clicks"),
    State(TellId.TEXT_TEXT, "value"),
    State(TellId.TEXT_SUBJECT, "value"),
    State(TellId.TEXTS_KEY, "data"),
    prevent_initial_call=True,
)
def save_text(clicks: int | None, text: str | None, subject: str | None, key: dict[str, Any]) -> tuple[Any, Any]:
    """Put a text in force; what was typed stays when it is refused."""
    if not clicks:
        raise PreventUpdate
    try:
        with changing(TELL) as (session, who):
            _sites, site = _site(session, who, str(key["site"]))
            if site is None:
                raise NoticeRefused("gone")
            made = save_template(session, who, site, _template(key, subject, text), key["version"],
                                 web().settings.public_url, replies=web().settings.sms_replies)  # fmt: skip
    except TemplateRefused:
        return form.answer(_("Not saved: the check on the side says why."), good=False), no_update
    except NoticeRefused as refused:
        return form.answer(refusal(refused), good=False), no_update
    said = _("In force as version %(n)s.", n=isolated(str(made)))
    return form.answer(said, good=True), key | {"version": made}


@callback(
    Output(TellId.NOTICE_SETTINGS, "children"),
    Output(TellId.NOTICE_SETTINGS_KEY, "data"),
    Input(Id.URL, "search"),
    State(Id.URL, "pathname"),
)
def show_settings(search: str | None, pathname: str) -> tuple[Any, Any]:
    """What the site says of its messages."""
    if pathname.rstrip("/") != PATH:
        raise PreventUpdate
    with reading(TELL) as (session, who):
        _sites, site = _site(session, who, parameters(search).get("site"))
    if site is None:
        return None, None
    shown = section([_("Settings of the site"), " ", html.Bdi(site.site)], [
        form.setting_form(site, web().settings),
    ])  # fmt: skip
    return shown, {"site": site.site_id, "version": site.version}


@callback(
    Output(TellId.NOTICE_SETTINGS_ANSWER, "children"),
    Output(TellId.NOTICE_SETTINGS_KEY, "data", allow_duplicate=True),
    Input(TellId.NOTICE_SETTINGS_SAVE, "n_clicks"),
    State(notice_setting_id(ALL), "value"),
    State(notice_setting_id(ALL), "checked"),
    State(notice_setting_id(ALL), "id"),
    State(TellId.NOTICE_SETTINGS_KEY, "data"),
    prevent_initial_call=True,
)
def keep_settings(
    clicks: int | None, values: list[Any], checked: list[Any], ids: list[dict[str, str]], key: dict[str, int]
) -> tuple[Any, Any]:
    """Save the settings; what was typed stays when it is refused."""
    if not clicks:
        raise PreventUpdate
    given = zip(ids, values, checked, strict=True)
    said = {one["name"]: value if on is None else bool(on) for one, value, on in given}
    try:
        with changing(TELL) as (session, who):
            version = save_settings(session, who, key["site"], key["version"], form.settings_from(said))
    except NoticeRefused as refused:
        return form.answer(refusal(refused), good=False), no_update
    return form.answer(_("The settings are saved."), good=True), key | {"version": version}
