"""Component ids of banners, messages, recipients, budgets and plans; those of all other pages are in `dash_app.ids`."""

from __future__ import annotations

from enum import StrEnum


class NoticeId(StrEnum):
    """Component ids; the text is what the browser sees."""

    BANNERS = "banners"
    BANNERS_ASKED = "banners-asked"
    BANNERS_ACTION = "banners-action"
    RAIL_ASKED = "rail-asked"
    SETTING_BODY = "setting-body"
    SETTING_ANSWER = "setting-answer"
    SETTING_FRESH = "setting-fresh"
    SETTING_SEEN = "setting-seen"
    SETTING_BUDGETS = "setting-budgets"
    SETTING_PLAN = "setting-plan"
    SETTING_UNSET = "setting-unset"
    NOTICES_BODY = "notices-body"
    NOTICES_HEAD = "notices-head"
    NOTICES_ANSWER = "notices-answer"
    NOTICES_ACTION = "notices-action"
    NOTICES_TICK = "notices-tick"
    NOTICES_CHOSEN = "notices-chosen"
    NOTICES_ALL = "notices-all"
    NOTICES_DECISION = "notices-decision"
    NOTICES_DECIDE = "notices-decide"
    NOTICE_TO = "notice-to"
    NOTICE_CHANNEL = "notice-channel"
    NOTICE_TEST = "notice-test"
    RECIPIENTS_BODY = "recipients-body"
    RECIPIENTS_ANSWER = "recipients-answer"
    RECIPIENTS_ACTION = "recipients-action"
    RECIPIENT_FORM = "recipient-form"
    RECIPIENT_CHANGE = "recipient-change"
    RECIPIENT_EDITED = "recipient-edited"
    RECIPIENT_SAVE = "recipient-save"
    GROUP_NAME = "group-name"
    GROUP_SITE = "group-site"
    GROUP_ADD = "group-add"
    ROUTE_GROUP = "route-group"
    ROUTE_SEVERITY = "route-severity"
    ROUTE_KIND = "route-kind"
    ROUTE_SITE = "route-site"
    ROUTE_CHANNEL = "route-channel"
    ROUTE_MODE = "route-mode"
    ROUTE_ADD = "route-add"
    TRIAL_BODY = "trial-body"
    TRIAL_SEVERITY = "trial-severity"
    TRIAL_KIND = "trial-kind"
    TRIAL_SITE = "trial-site"
    TRIAL_TRIGGER = "trial-trigger"


def notices_shown(name: object) -> dict[str, object]:
    """The id of what the list of messages shows to be ticked (ALL in callbacks: it may show nothing)."""
    return {"type": "notices-shown", "name": name}


def recipient_id(name: object) -> dict[str, object]:
    """The id of a field of a recipient (ALL in callbacks): name, email, groups."""
    return {"type": "recipient-field", "name": name}


def rail_badge_id(pages: object, place: object) -> dict[str, object]:
    """The id of the badge of a page in the rail, of the menu, or of the button of the menu (ALL in callbacks)."""
    return {"type": "rail-badge", "page": pages, "at": place}


def setting_id(name: object) -> dict[str, object]:
    """The id of a field of the settings of alerts (ALL in callbacks): budget.radiologist, days.2, source."""
    return {"type": "alert-setting-field", "name": name}
