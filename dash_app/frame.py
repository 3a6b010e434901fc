"""What surrounds every page: rail, search, theme, account; and which page an address means."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, callback, clientside_callback, dcc, html, set_props
from flask import has_request_context
from flask_login import current_user

from dash_app import auth, guard
from dash_app.components.banner import BANNERS
from dash_app.components.parts import attributes, empty, icon, trouble
from dash_app.components.rail_badges import ASKED, MORE, RAIL, badge_of, badge_of_menu, waiting
from dash_app.context import scope, web
from dash_app.i18n import LANGUAGES, _, direction, language
from dash_app.ids import Id
from dose.errors import NotPermitted
from dose.log import logger
from dose.queries.pressing import Pressing
from dose.scope import Permission

LOG = logger(__name__)
THEMES = ("auto", "light", "dark")
_PRIMARY = [
    "#e1f0ef", "#c3e2df", "#9fd0cc", "#78bdb7", "#52aaa3", "#2f9790", "#14847d", "#0b6b67", "#085653", "#05403e",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Page:
    """One kind of address: its pattern, who may open it, and a layout without data."""

    pattern: re.Pattern[str]
    permission: Permission | None
    layout: Callable[..., Any]
    title: str
    icon: str = ""
    href: str = ""


PAGES: list[Page] = []


def add_page(
    pattern: str,
    permission: Permission | None,
    layout: Callable[..., Any],
    title: str,
    icon_name: str = "",
    href: str = "",
) -> None:
    """Make an address open a page; with `href` it stands in the rail too."""
    PAGES.append(Page(re.compile(pattern), permission, layout, title, icon_name, href))


def layout() -> Any:  # noqa: ANN401 - a component
    """The frame for the person who asks; Dash also calls it once with nobody there."""
    if not has_request_context() or not current_user.is_authenticated:
        return html.Div()
    theme = current_user.theme if current_user.theme in THEMES else "auto"
    return dmc.MantineProvider(
        dmc.DirectionProvider(_shell(), direction=direction()),
        id=Id.THEME,
        theme={"primaryColor": "accent", "colors": {"accent": _PRIMARY}, "fontFamily": "var(--face)"},
        defaultColorScheme="auto",
        **({"forceColorScheme": theme} if theme != "auto" else {}),
    )


def _shell() -> html.Div:
    return html.Div(
        [
            dcc.Location(id=Id.URL, refresh="callback-nav"),
            dcc.Store(id=Id.LIVE),
            dcc.Store(id=Id.TITLE),
            dcc.Store(id=Id.THEME_WISH),
            dcc.Store(id=Id.THEME_KEPT),
            ASKED,
            html.A(_("To the content"), href="#content", className="skip"),
            _top(),
            html.Nav(id=Id.RAIL, className="rail", **attributes(aria_label=_("Pages"))),
            html.Main(
                [*BANNERS, html.Div(id=Id.FAULT), html.Div(id=Id.PAGE, className="page")],
                id="content",
                className="content",
            ),
        ],
        className="shell",
    )


def _top() -> html.Header:
    brand = [html.Img(src="/assets/favicon.svg", alt=""), html.Strong("DACS")]
    return html.Header(
        [
            dcc.Link(brand, href="/today", className="brand"),
            html.Div(
                [
                    icon("search"),
                    dmc.TextInput(
                        id=Id.SEARCH,
                        variant="unstyled",
                        placeholder=_("Patient, accession number, protocol, description"),
                        inputProps={"type": "search", "autoComplete": "off", "aria-label": _("Search")},
                    ),
                    html.Kbd("/", title=_("Press / to search")),
                ],
                className="search", role="search",
            ),
            html.Span(html.Bdi(web().settings.site), className="site", title=_("Site")),
            _languages(),
            html.Button(
                icon("auto"), id="theme-button", className="top-button", title=_("Light, dark or as the machine")
            ),
            _person(),
        ],
        className="top",
    )  # fmt: skip


def _languages() -> html.Details:
    links = [
        html.A(name, href=f"/language/{code}", lang=code, className="menu-item language-link",
               **(attributes(aria_current="true") if code == language() else {}))
        for code, name in LANGUAGES.items()
    ]  # fmt: skip
    summary = html.Summary([icon("globe"), html.Span(language().upper(), className="wide-only")], title=_("Language"))
    return html.Details([summary, html.Div(links, className="menu")], className="menu-button")


def _person() -> html.Details:
    name = current_user.username or current_user.email.partition("@")[0]
    summary = html.Summary([icon("account"), html.Bdi(name, className="wide-only")], title=_("Account"))
    leave = html.Form(
        [
            dcc.Input(type="hidden", name=guard.CSRF_FIELD, value=guard.csrf_token()),
            html.Button([icon("out"), _("Sign out")], type="submit", className="menu-item", id="sign-out"),
        ],
        action="/logout",
        method="post",
    )
    entries = [
        html.Div(html.Bdi(current_user.email), className="menu-note"),
        dcc.Link([icon("account"), _("Account")], href="/account", className="menu-item"),
        leave,
    ]
    return html.Details([summary, html.Div(entries, className="menu")], className="menu-button")


ON_A_PHONE = 3  # links in the bar at the bottom; the others stand in the menu beside them


def _rail(path: str) -> list[Any]:
    pages = [page for page in PAGES if page.href and (page.permission is None or scope().may(page.permission))]
    found = waiting()
    links = [_rail_link(page, path, found) for page in pages]
    if len(pages) <= ON_A_PHONE + 1:
        return links
    further = [_rail_link(page, path, found, " wide-only") for page in pages[ON_A_PHONE:]]
    return [*links[:ON_A_PHONE], *further, _more(pages[ON_A_PHONE:], found)]


def _rail_link(page: Page, path: str, found: Pressing, also: str = "") -> dcc.Link:
    here = " current" if f"{path}/".startswith(f"{page.href}/") else ""
    content = [icon(page.icon), html.Span(_(page.title)), badge_of(page.href, RAIL, found)]
    return dcc.Link(content, href=page.href, className=f"rail-link{here}{also}")


def _more(pages: list[Page], found: Pressing) -> html.Details:
    links = [
        dcc.Link([icon(page.icon), _(page.title), badge_of(page.href, MORE, found)], href=page.href,
                 className="menu-item")
        for page in pages
    ]  # fmt: skip
    badge = badge_of_menu([page.href for page in pages], found)
    summary = html.Summary([icon("more"), html.Span(_("More")), badge], className="rail-link")
    return html.Details([summary, html.Div(links, className="menu")], className="menu-button rail-more")


@callback(
    Output(Id.PAGE, "children"),
    Output(Id.RAIL, "children"),
    Output(Id.TITLE, "data"),
    Input(Id.URL, "pathname"),
    State(Id.URL, "search"),
)
def open_page(pathname: str | None, search: str | None) -> tuple[Any, list[Any], str]:
    """The page of an address, if this person may open it."""
    path = (pathname or "/studies").rstrip("/") or "/studies"
    for page in PAGES:
        found = page.pattern.match(path)
        if found and (page.permission is None or scope().may(page.permission)):
            return page.layout(search=search or "", **found.groupdict()), _rail(path), _(page.title)
        if found:
            return _closed(), _rail(path), _(page.title)
    return _nowhere(), _rail(path), _("No such page")


_OPENED = ((Id.PAGE, "children"), (Id.RAIL, "children"), (Id.TITLE, "data"))


def opened(path: str, query: str) -> dict[str, Any] | None:
    """What `open_page` will be asked first and answers, so that it need not be asked; None when nobody is signed in.

    `output` is Dash's name for what the callback writes, `pathname` and `search` are as browsers state them.
    """
    if not current_user.is_authenticated:
        return None
    search = f"?{query}" if query else ""
    try:
        parts = open_page(path, search)
    except Exception:  # asked for as ever, it fails again: then it is logged and told
        return None
    answer = {str(name): {prop: part} for (name, prop), part in zip(_OPENED, parts, strict=True)}
    output = "...".join(f"{name}.{prop}" for name, prop in _OPENED)
    asked = {"output": f"..{output}..", "pathname": path, "search": search}
    return asked | {"answer": {"multi": True, "response": answer}}


def _closed() -> html.Div:
    return empty(
        _("Your account does not open this page"),
        _("An administrator grants roles. Nothing was shown and nothing was changed."),
        "lock",
    )


def _nowhere() -> html.Div:
    return empty(_("No such page"), dcc.Link(_("To the studies"), href="/studies", className="button"), "search")


def on_error(error: Exception) -> None:
    """A callback failed: refuse what is not permitted, report anything else with a number."""
    if isinstance(error, NotPermitted):
        raise error
    number = secrets.token_hex(4)
    LOG.error("a page could not be made", exc_info=error, extra={"incident": number})
    what = trouble(_("This part of the page could not be made."), _("No dose was lost or changed."), number)
    set_props(Id.FAULT, {"children": what})


@callback(Output(Id.THEME_KEPT, "data"), Input(Id.THEME_WISH, "data"), prevent_initial_call=True)
def keep_theme(wish: str | None) -> str | None:
    """Remember the theme of the account; the browser has already changed its own."""
    if wish in THEMES:
        auth.remember(theme=wish)
    return wish


clientside_callback(ClientsideFunction("dacs", "title"), Input(Id.TITLE, "data"))
clientside_callback(ClientsideFunction("dacs", "follow"), Input(Id.URL, "href"))
