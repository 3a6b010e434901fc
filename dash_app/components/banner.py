"""Alerts on every page: calm, the newest three, each until its reader puts it aside; new ones come without a reload."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from dash import Input, Output, State, callback, dcc, html

from dash_app.components.parts import attributes, icon
from dash_app.components.pause_parts import strip
from dash_app.components.values import ago, told
from dash_app.context import note_view, scope, web
from dash_app.filters import number
from dash_app.i18n import _, isolated, language, ngettext
from dash_app.notice_ids import NoticeId
from dose import audit
from dose.alerts import wording
from dose.database import writing
from dose.queries import banners as ask
from dose.queries.pauses import mark_of, paused
from dose.store.banners import dismiss

# In the frame of every page; what stands there is asked for by the browser, so that no page holds data before
BANNERS = (
    html.Div(id=NoticeId.BANNERS, className="banners", role="status", **attributes(aria_live="polite")),
    dcc.Store(id=NoticeId.BANNERS_ASKED),
    dcc.Store(id=NoticeId.BANNERS_ACTION),
)


@callback(
    Output(NoticeId.BANNERS, "children"),
    Output(NoticeId.BANNERS, "data-mark"),
    Input(NoticeId.BANNERS_ASKED, "data"),
    Input(NoticeId.BANNERS_ACTION, "data"),
    State(NoticeId.BANNERS, "data-mark"),
)
def show(_mark: str | None, pressed: dict[str, Any] | None, seen: str | None) -> tuple[list[Any], str]:
    """What stands for the person who asks, after one was put aside."""
    who, now = scope(), datetime.now(UTC)
    aside = number(str((pressed or {}).get("action", "")))
    if aside is not None:
        with writing(web().sessions) as session:
            dismiss(session, who, aside, now)
    with web().sessions() as session:
        found, held = ask.banners(session, who, now), paused(session, who)
    if found.rows:
        note_view(audit.Action.VIEW_LIST, "banners", again=seen is not None, subject="banners", count=len(found.rows))
    shown = [strip(held, web().settings.time_zone), *(_banner(row) for row in found.rows), _more(found.more)]
    return shown, found.mark + mark_of(held)


def _banner(row: ask.BannerRow) -> html.Div:
    label = html.Span(wording.severity_name(row.alert.severity, language()), className="second") if row.alert else None
    away = html.Button(
        icon("close"), className="banner-away", title=_("Put aside"),
        **attributes(aria_label=_("Put aside"), data_action=str(row.id), data_target=NoticeId.BANNERS_ACTION.value),
    )  # fmt: skip
    said = html.Div([_about(row), " ", _crossed(row), " ", label, " ", html.Span(ago(row.at), className="second")],
                    className="banner-said")  # fmt: skip
    look = "banner urgent" if row.at_once else "banner"
    return html.Div([icon("note" if row.at_once else "info"), said, away], className=look, key=str(row.id))


def _about(row: ask.BannerRow) -> Any:  # noqa: ANN401 - a component
    if row.alert is not None:
        return dcc.Link(told(wording.title(row.alert, language())), href=f"/alerts/{row.alert.id}", className="strong")
    if row.count:
        return dcc.Link(ngettext("%(n)s alert for you", "%(n)s alerts for you", row.count), href="/alerts")
    return html.Span(_("A test: banners reach you."))


def _crossed(row: ask.BannerRow) -> Any:  # noqa: ANN401 - a component
    """How much it is of what; on a phone its title must do."""
    if row.alert is None:
        return None
    demo = html.Span(_("demo"), className="demo") if row.alert.is_demo else None
    return html.Span([demo, " ", told(wording.sentence(row.alert, language()))], className="banner-sentence")


def _more(count: int) -> Any:  # noqa: ANN401 - a component
    if not count:
        return None
    text = _("and %(n)s more", n=isolated(str(count)))
    return html.Div(dcc.Link(text, href="/alerts"), className="banner-more second")
