"""The form of what a site says of its messages to patients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dash_app.components.notice_words import CHANNELS
from dash_app.components.parts import icon
from dash_app.components.values import free, ltr, when
from dash_app.filters import number
from dash_app.i18n import N_, _
from dash_app.tell_ids import TellId, notice_setting_id
from dose.settings import Settings as Installation
from dose.store.notice_settings import NoticeRefused, SavedSettings, Settings

DAYS = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))


def setting_form(site: SavedSettings, own: Installation) -> html.Div:
    """The fields, filled with what is in force; of a site that saved none with what the installation says."""
    said, zone = site.settings, own.time_zone
    if not site.version:
        said = replace(said, time_zone=zone, country=own.country or None)
    switches = [
        dmc.Switch(id=notice_setting_id("active"), label=_("Write to patients"), checked=said.active),
        dmc.Switch(id=notice_setting_id("state_doses"), checked=said.state_doses,
                   label=_("Messages may state the dose values and units that the equipment reported")),
    ]  # fmt: skip
    save = html.Button([icon("ok"), _("Save settings")], id=TellId.NOTICE_SETTINGS_SAVE, className="button primary")
    changed: list[Any] = [_("Changed by"), " ", ltr(site.changed_by), " ", when(site.changed_at, zone)]
    return html.Div([
        html.Div(switches, className="switches"),
        html.Div(_fields(said), className="fields"),
        html.Div(_lists(said), className="fields wide-fields"),
        html.Div([save, html.Span(changed if site.version else None, className="second")], className="form-end"),
    ])  # fmt: skip


def _fields(said: Settings) -> list[Component]:
    days = [{"value": str(one), "label": _(name)} for one, name in enumerate(DAYS)]
    return [
        _text("contact", _("Whom patients may ask"), said.contact, maxLength=160, dir="auto"),
        _text("delay_hours", _("Hours after the examination"), f"{said.delay_minutes / 60:g}", inputMode="decimal"),
        _text("opens", _("Not before"), _clock(said.opens), type="time"),
        _text("closes", _("Not after"), _clock(said.closes), type="time"),
        _text("time_zone", _("Time zone"), said.time_zone),
        _text("majority_years", _("Age of majority"), str(said.majority_years), inputMode="numeric"),
        _text("country", _("Country of numbers without +"), said.country or "", maxLength=2, placeholder="MR"),
        dmc.Select(id=notice_setting_id("first_channel"), label=_("Where a contact has both"), size="xs",
                   data=[{"value": one, "label": _(CHANNELS[one])} for one in ("sms", "email")],
                   value=said.first_channel, allowDeselect=False),
        dmc.MultiSelect(id=notice_setting_id("days"), label=_("On"), data=days, size="xs",
                        value=[str(one) for one in said.days]),
    ]  # fmt: skip


def _lists(said: Settings) -> list[Component]:
    return [
        _lines("closed", _("Closed days, one a line"), said.closed, "2026-12-31"),
        _lines("sensitive_words", _("Sensitive examinations: beginnings of words, one a line"), said.sensitive_words),
        _lines("sensitive_departments", _("Sensitive departments, one a line"), said.sensitive_departments),
    ]


def _text(name: str, label: str, value: str, **more: Any) -> Component:  # noqa: ANN401 - properties
    told = {"autoComplete": "off", "dir": "ltr"} | more
    made: Component = dmc.TextInput(id=notice_setting_id(name), label=label, value=value, size="xs", inputProps=told)
    return made


def _lines(name: str, label: str, lines: tuple[str, ...], placeholder: str = "") -> Component:
    made: Component = dmc.Textarea(
        id=notice_setting_id(name), label=label, value="\n".join(lines), autosize=True, minRows=2, maxRows=12,
        size="xs", placeholder=placeholder, inputProps={"dir": "auto"},
    )  # fmt: skip
    return made


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def settings_from(said: Mapping[str, Any]) -> Settings:
    """What was typed; the store checks the values.

    Raises
    ------
    NoticeRefused
        delay | hours | majority: no number, no time of the clock.
    """
    text = {name: str(value or "").strip() for name, value in said.items() if not isinstance(value, bool | list)}
    return Settings(
        active=bool(said.get("active")),
        state_doses=bool(said.get("state_doses")),
        delay_minutes=_minutes_of_hours(text.get("delay_hours", "")),
        opens=_minutes(text.get("opens", "")),
        closes=_minutes(text.get("closes", "")),
        days=tuple(int(one) for one in said.get("days") or ()),
        closed=tuple(one for one in text.get("closed", "").split("\n") if one.strip()),
        time_zone=text.get("time_zone", ""),
        majority_years=number(text.get("majority_years")) or 0,
        first_channel=text.get("first_channel", ""),
        country=text.get("country") or None,
        contact=text.get("contact", ""),
        sensitive_words=tuple(text.get("sensitive_words", "").split("\n")),
        sensitive_departments=tuple(text.get("sensitive_departments", "").split("\n")),
    )


def _minutes_of_hours(typed: str) -> int:
    try:
        return round(float(typed.replace(",", ".")) * 60)
    except (ValueError, OverflowError):
        raise NoticeRefused("delay") from None


def _minutes(typed: str) -> int:
    hours, _colon, minutes = typed[:5].partition(":")
    if not all(one.isascii() and one.isdigit() for one in (hours, minutes)) or int(minutes) > 59:
        raise NoticeRefused("hours")
    return int(hours) * 60 + int(minutes)


def answer(text: str, *, good: bool) -> html.Div:
    """What came of it."""
    return html.Div([icon("ok" if good else "note"), free(text)], className=f"message {'good' if good else 'bad'}")
