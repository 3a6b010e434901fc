"""What a site writes to its patients: texts by language and channel, each change a version, checked by the linter.

A text is in force for a site, or for every site that has none of its own; without any the shipped one is. What the
rules of the site no longer allow (it stopped stating doses) is passed over: a text is checked as it is used, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from dose.audit import Action, record
from dose.errors import DoseError
from dose.notify.lint import Finding, Rules, lint
from dose.notify.templates import CHANNELS, FIELDS, LANGUAGES, Template, default
from dose.scope import Permission, Scope
from dose.store.notice_settings import NoticeRefused, SavedSettings
from dose.tables import NoticeTemplate, Site

KEY = "document"  # the one kind of notice so far
SHIPPED = "shipped"


class TemplateRefused(DoseError):
    """The linter found what stops a text from being used."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__(findings[0].code)
        self.findings = findings


@dataclass(frozen=True, slots=True)
class TextVersion:
    """One version of a text. `version` 0 is the shipped one; `made_at` is UTC, None for that."""

    version: int
    template: Template
    made_by: str = SHIPPED
    made_at: datetime | None = None


def rules_of(site: SavedSettings, *, replies: bool = False) -> Rules:
    """What a text of a site may hold; `replies`: an answer STOP is heard."""
    return Rules(dose_values=site.settings.state_doses, replies=replies)


def longest(site: SavedSettings, public_url: str) -> dict[str, str]:
    """The longest text of each field at this site, by which the linter measures."""
    links = {name: f"{public_url}/{path}/{'0' * 16}" for name, path in (("link", "d"), ("stop", "s"))}
    phone = site.settings.contact or FIELDS["phone"]
    return dict(FIELDS) | links | {"site": site.site, "phone": phone}


def versions(session: Session, site_id: int, language: str, channel: str) -> list[TextVersion]:
    """All texts of a site (or of every site while it has none of its own), the one in force first, the shipped last."""
    found = [_version(row) for row in session.scalars(_rows(site_id, language, channel))]
    if not found:
        found = [_version(row) for row in session.scalars(_rows(None, language, channel))]
    return [*found, TextVersion(0, default(language, channel))]


def in_force(session: Session, site: SavedSettings, language: str, channel: str, *, replies: bool = False) -> Template:
    """The text that a notice of a site is made from: the newest that the rules of the site still allow."""
    texts = [one.template for one in versions(session, site.site_id, language, channel)]
    rules = rules_of(site, replies=replies)
    allowed = (one for one in texts if not any(found.level == "error" for found in lint(one, rules)))
    return next(allowed, texts[-1])


def save_template(
    session: Session,
    who: Scope,
    site: SavedSettings,
    template: Template,
    version: int,
    public_url: str,
    *,
    replies: bool = False,
) -> int:
    """Put a text in force as a new version; its number. The same text again changes nothing.

    Raises
    ------
    TemplateRefused
        With all findings, when one of them is an error.
    NoticeRefused
        template: no such language or channel; changed (by whom), when `version` is not the one in force.
    NotPermitted
        Without the permission, or at another site.
    """
    who.require(Permission.TELL_PATIENTS)
    who.require_site(site.site_id)
    if template.language not in LANGUAGES or template.channel not in CHANNELS:
        raise NoticeRefused("template")
    found = lint(template, rules_of(site, replies=replies), longest(site, public_url))
    if any(one.level == "error" for one in found):
        raise TemplateRefused(found)
    session.execute(select(Site.id).where(Site.id == site.site_id).with_for_update())
    former = _own(session, site.site_id, template)
    if former is not None and _version(former).template == template:
        return former.version
    if version != (former.version if former else 0):
        raise NoticeRefused("changed", former.made_by if former else "")
    return _add(session, who, site.site_id, template, version + 1)


def _add(session: Session, who: Scope, site_id: int, template: Template, version: int) -> int:
    place = {"site_id": site_id, "key": KEY, "language": template.language, "channel": template.channel}
    same = (getattr(NoticeTemplate, name) == value for name, value in place.items())
    session.execute(update(NoticeTemplate).where(*same).values(active=False))
    said: dict[str, Any] = {"text": template.text, "subject": template.subject, "version": version}
    made = {"made_at": datetime.now(UTC), "made_by": who.user_name[:255]}
    row = NoticeTemplate(**place, **said, **made)
    session.add(row)
    session.flush()
    about: dict[str, Any] = {"what": "text", "site": site_id, "version": version}
    record(session, who, Action.PATIENT_NOTICE, subject="text", subject_id=row.id, **about)
    return version


def _own(session: Session, site_id: int, template: Template) -> NoticeTemplate | None:
    return session.scalars(_rows(site_id, template.language, template.channel).limit(1)).first()


def _rows(site_id: int | None, language: str, channel: str) -> Select[NoticeTemplate]:
    table = NoticeTemplate
    place = table.site_id.is_(None) if site_id is None else table.site_id == site_id
    where = (place, table.key == KEY, table.language == language, table.channel == channel)
    return select(table).where(*where).order_by(table.version.desc(), table.id.desc())


def _version(row: NoticeTemplate) -> TextVersion:
    template = Template(row.language, row.channel, row.text, row.subject)
    return TextVersion(row.version, template, row.made_by, row.made_at)
