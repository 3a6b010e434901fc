"""The account of the person signed in: language, theme, password, second step."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, callback, clientside_callback, dcc, html
from flask_login import current_user

from dash_app import auth
from dash_app.components.parts import badge, page_head, section
from dash_app.components.values import ltr
from dash_app.context import note
from dash_app.i18n import LANGUAGES, N_, _, language
from dash_app.ids import Id
from dash_app.role_names import ROLE_NAMES
from dose import audit
from dose.scope import Role

THEME_NAMES = {"auto": N_("As the machine"), "light": N_("Light"), "dark": N_("Dark")}


def layout(search: str = "") -> html.Div:  # noqa: ARG001 - every layout gets the address
    """The page before the account is asked for."""
    return html.Div(
        [page_head(_("Account")), html.Div(html.Div(className="bone block"), id=Id.ACCOUNT_BODY),
         dcc.Store(id=Id.ACCOUNT_ANSWER)], className="account",
    )  # fmt: skip


@callback(Output(Id.ACCOUNT_BODY, "children"), Input(Id.ACCOUNT_BODY, "id"))
def show_account(_id: str) -> list[Any]:
    """The account that asks; nobody sees another's here."""
    return [_person(), _preferences(), _sign_in()]


def _person() -> html.Section:
    roles = [badge(_(ROLE_NAMES[role])) for role in Role if role.value in current_user.role_names]
    facts = [
        html.Div([html.Dt(_("E-mail")), html.Dd(ltr(current_user.email))]),
        html.Div([html.Dt(_("Roles")), html.Dd(roles or _("none: an administrator grants them"))]),
    ]
    return section(_("Person"), [html.Dl(facts, className="facts")])


def _preferences() -> html.Section:
    theme = current_user.theme if current_user.theme in THEME_NAMES else "auto"
    themes = [{"value": key, "label": _(text)} for key, text in THEME_NAMES.items()]
    languages = [{"value": key, "label": text} for key, text in LANGUAGES.items()]
    return section(
        _("Look"),
        [
            html.Div(
                [
                    html.Div([html.Div(_("Language"), className="label"),
                              dmc.SegmentedControl(id=Id.ACCOUNT_LANGUAGE, value=language(), data=languages)]),
                    html.Div([html.Div(_("Theme"), className="label"),
                              dmc.SegmentedControl(id=Id.ACCOUNT_THEME, value=theme, data=themes)]),
                ],
                className="choices",
            )
        ],
    )  # fmt: skip


def _sign_in() -> html.Section:
    on = bool(current_user.tf_primary_method)
    state = badge(_("on"), "fine", "ok") if on else badge(_("off"), "neutral")
    return section(
        _("Sign-in"),
        [
            html.Div(
                [
                    html.A(_("Change password"), href="/change", className="button"),
                    html.A([_("Two-step sign-in"), state], href="/tf-setup", className="button"),
                ],
                className="choices",
            )
        ],
    )


@callback(Output(Id.ACCOUNT_ANSWER, "data"), Input(Id.ACCOUNT_LANGUAGE, "value"), prevent_initial_call=True)
def keep_language(wish: str) -> dict[str, str] | None:
    """Keep the language of the account; the browser then loads the page in it."""
    if wish not in LANGUAGES or wish == language():
        return None
    auth.remember(language=wish)
    note(audit.Action.USER_CHANGE, subject="user", subject_id=current_user.id, what="language")
    return {"language": wish}


clientside_callback(ClientsideFunction("dacs", "speak"), Input(Id.ACCOUNT_ANSWER, "data"))
clientside_callback(
    ClientsideFunction("dacs", "wishTheme"), Input(Id.ACCOUNT_THEME, "value"), prevent_initial_call=True
)
