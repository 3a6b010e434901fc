"""Component ids of notices to patients; those of all other pages are in `dash_app.ids`."""

from __future__ import annotations

from enum import StrEnum


class TellId(StrEnum):
    """Component ids; the text is what the browser sees."""

    TELL_BODY = "tell-body"
    TELL_ACTION = "tell-action"
    TELL_ANSWER = "tell-answer"
    TELL_SAVE = "tell-save"
    PATIENT_NOTICES_BODY = "patient-notices-body"
    TEXTS_BODY = "texts-body"
    TEXTS_KEY = "texts-key"
    TEXT_SUBJECT = "text-subject"
    TEXT_TEXT = "text-text"
    TEXT_CHECK = "text-check"
    TEXT_SAVE = "text-save"
    TEXT_ANSWER = "text-answer"
    TEXT_VERSIONS = "text-versions"
    NOTICE_SETTINGS = "notice-settings"
    NOTICE_SETTINGS_KEY = "notice-settings-key"
    NOTICE_SETTINGS_SAVE = "notice-settings-save"
    NOTICE_SETTINGS_ANSWER = "notice-settings-answer"


def tell_id(name: object) -> dict[str, object]:
    """The id of a field of a contact of a patient (ALL in callbacks): kind, phone, language."""
    return {"type": "tell-field", "name": name}


def notice_setting_id(name: object) -> dict[str, object]:
    """The id of a field of a site's settings about notices (ALL in callbacks): active, opens, contact."""
    return {"type": "notice-setting", "name": name}
