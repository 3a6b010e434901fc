"""Rules of alerts as people read them: where they hold, how sure their source is, what they raised in twelve months."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.orm import Session

from dose.alerts.shipped import ShippedRule, shipped_rules
from dose.levels.draft import CERTAIN
from dose.queries.rule_trial import DAYS
from dose.scope import Permission, Scope
from dose.store.alert_rules import SHIPPED, SHIPPER
from dose.tables import Alert, AlertRule, Device, Procedure, Site

HERE, UNCONFIRMED = "here", "unconfirmed"


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A version of a rule. `site`, `device`, `procedure` are names, None: everywhere.

    `verified`: two sources | one source | here (our own, or written here) | unconfirmed; `note` is what must be known
    of its numbers, `proposed` are numbers that it lacks because nobody confirmed them. `alerts` were raised in twelve
    months, by all versions.
    """

    id: int
    key: str
    kind: str
    name: str
    names: Mapping[str, str]
    params: Mapping[str, Any]
    citation: str
    verified: str
    note: str | None
    proposed: Mapping[str, Any]
    severity: str
    at_once: bool
    modality: str | None
    site_id: int | None
    site: str | None
    device_id: int | None
    device: str | None
    procedure_id: int | None
    procedure: str | None
    procedure_key: str | None
    budget_per_week: int | None
    origin: str
    active: bool
    made_at: datetime
    made_by: str
    retired_at: datetime | None
    retired_by: str | None
    replaces_id: int | None
    alerts: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it waits for a person to confirm its source."""
        return not self.active and self.made_by == SHIPPER and self.verified not in CERTAIN

    def called(self, language: str) -> str:
        """Its name; a shipped one in the reader's language unless somebody gave it another."""
        return self.names.get(language, self.name) if self.name == self.names.get("en") else self.name


def rules(session: Session, scope: Scope, today: date | None = None) -> tuple[RuleRow, ...]:
    """All rules that are not retired, by kind as they ship, then by name.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    counts = _alerts(session, scope, today)
    found = [_row(one, counts) for one in session.execute(_rows(scope).where(AlertRule.retired_at.is_(None)))]
    order = {kind: place for place, kind in enumerate(dict.fromkeys(one.kind for one in shipped_rules()))}
    return tuple(sorted(found, key=lambda row: (order.get(row.kind, len(order)), row.name, row.id)))


def rule_row(session: Session, scope: Scope, rule_id: int) -> RuleRow | None:
    """One version, retired or not; None where there is none, or it is another site's."""
    found = session.execute(_rows(scope).where(AlertRule.id == rule_id)).first()
    return _row(found, {}) if found else None


def versions(session: Session, scope: Scope, key: str) -> tuple[RuleRow, ...]:
    """All versions of a rule, the newest first."""
    found = session.execute(_rows(scope).where(AlertRule.key == key).order_by(AlertRule.id.desc()))
    return tuple(_row(one, {}) for one in found)


def retired(session: Session, scope: Scope, limit: int = 20) -> tuple[RuleRow, ...]:
    """The last versions of rules that were taken out of force and not replaced, the latest first."""
    replaced = select(AlertRule.replaces_id).where(AlertRule.replaces_id.is_not(None))
    gone = _rows(scope).where(AlertRule.retired_at.is_not(None), AlertRule.id.not_in(replaced))
    order = (AlertRule.retired_at.desc(), AlertRule.id.desc())
    return tuple(_row(one, {}) for one in session.execute(gone.order_by(*order).limit(limit)))


def _rows(scope: Scope) -> Any:  # noqa: ANN401 - Select
    scope.require(Permission.VIEW_DOSES)
    device = func.coalesce(Device.display_name, Device.station_name, Device.model).label("device_name")
    columns = (
        Site.name.label("site_name"),
        device,
        Procedure.name.label("procedure_name"),
        Procedure.key.label("code"),
    )
    return (
        select(AlertRule, *columns)
        .outerjoin(Site, Site.id == AlertRule.site_id)
        .outerjoin(Device, Device.id == AlertRule.device_id)
        .outerjoin(Procedure, Procedure.id == AlertRule.procedure_id)
        .where(_visible(scope))
    )


def _visible(scope: Scope) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [true()]
    for column, ids in ((AlertRule.site_id, scope.site_ids), (AlertRule.device_id, scope.device_ids)):
        if ids is not None:
            conditions.append(or_(column.is_(None), column.in_(sorted(ids))))
    return and_(*conditions)


def _alerts(session: Session, scope: Scope, today: date | None) -> Mapping[str, int]:
    """Alerts of the account's reach in twelve months, by key."""
    since = (today or date.today()) - timedelta(days=DAYS)  # noqa: DTZ011 - days of alerts are local
    day = since.year * 10_000 + since.month * 100 + since.day
    places = ((Alert.site_id, scope.site_ids), (Alert.device_id, scope.device_ids))
    seen = [column.in_(sorted(ids)) for column, ids in places if ids is not None]
    counted = select(Alert.rule_key, func.count()).where(Alert.day >= day, *seen).group_by(Alert.rule_key)
    return {row[0]: row[1] for row in session.execute(counted)}


def _row(found: Any, counts: Mapping[str, int]) -> RuleRow:  # noqa: ANN401 - a row of `_rows`
    rule: AlertRule = found.AlertRule
    shipped = _shipped(rule)
    same = shipped is not None and rule.origin == SHIPPED and rule.citation == " ".join(shipped.citation.split())
    verified = shipped.verified if same and shipped else HERE
    return RuleRow(
        **{name: getattr(rule, name) for name in _SAID}, names=shipped.names if shipped else {},
        verified=verified, note=shipped.note if shipped else None, proposed=shipped.proposed if shipped else {},
        site=found.site_name, device=found.device_name, procedure=found.procedure_name, procedure_key=found.code,
        alerts=counts.get(rule.key, 0),
    )  # fmt: skip


_SAID = (
    "id", "key", "kind", "name", "params", "citation", "severity", "at_once", "modality", "site_id", "device_id",
    "procedure_id", "budget_per_week", "origin", "active", "made_at", "made_by", "retired_at", "retired_by",
    "replaces_id",
)  # fmt: skip


def _shipped(rule: AlertRule) -> ShippedRule | None:
    return next((one for one in shipped_rules() if one.key == rule.key), None)
