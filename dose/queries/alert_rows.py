"""What questions about alerts ask for and answer: frozen rows; None: not stated, or not for this account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from dose.queries.models import StudyRow


class AlertOrder(StrEnum):
    """Newest first, or those that are due first before those that are due never."""

    NEWEST = "newest"
    URGENT = "urgent"


@dataclass(frozen=True, slots=True)
class Wish:
    """Which alerts: None and False narrow nothing.

    `mine`: given to who asks; `overdue`: open and due before `today`; `answered`: a reason was given and waits to be
    accepted. Only open alerts have an order of urgency: closed and all ones come newest first.
    """

    today: date
    state: str | None = None
    severity: str | None = None
    kind: str | None = None
    device_id: int | None = None
    rule_key: str | None = None
    study_id: int | None = None
    mine: bool = False
    overdue: bool = False
    answered: bool = False
    order: AlertOrder = AlertOrder.NEWEST


@dataclass(frozen=True, slots=True)
class Position:
    """After which row a page goes on."""

    id: int
    due_on: date | None = None


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert. `value` and `threshold` in the unit of `column`; `started_at` local, the other moments UTC.

    `study` is the name of the examination as sent, `assigned` and `rule` what accounts and rules are called; None:
    not known, or nobody. `is_overdue`: open, and its day has passed.
    """

    id: int
    version: int
    rule_id: int | None
    rule_key: str
    kind: str
    severity: str
    at_once: bool
    site_id: int | None
    device_id: int | None
    study_id: int | None
    subject: str
    code: str
    column: str | None
    modality: str | None
    value: float | None
    threshold: float | None
    details: Mapping[str, Any]
    held_back: bool
    state: str
    assigned_to: int | None
    due_on: date | None
    cause_id: int | None
    reportable: bool | None
    reason_code: str | None
    is_demo: bool
    day: int
    raised_at: datetime
    changed_at: datetime
    closed_at: datetime | None
    rule: str | None
    assigned: str | None
    device: str | None
    study: str | None
    procedure_key: str | None
    procedure: str | None
    started_at: str | None
    is_overdue: bool


@dataclass(frozen=True, slots=True)
class AlertPage:
    """Some alerts; `after` is where the next page begins, None on the last."""

    rows: tuple[AlertRow, ...]
    after: Position | None


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step of the history, UTC; `hidden`: there is a text, and the account may not view identities."""

    id: int
    at: datetime
    by: str
    action: str
    text: str | None
    detail: Mapping[str, Any]
    hidden: bool


@dataclass(frozen=True, slots=True)
class FollowUpRow:
    """A step of follow-up; `outcome` None: none yet, or the account may not view identities."""

    id: int
    alert_id: int
    study_id: int | None
    kind: str
    due_on: date
    done_at: datetime | None
    done_by: str | None
    outcome: str | None
    is_overdue: bool
    study: str | None = None
    device: str | None = None
    started_at: str | None = None


@dataclass(frozen=True, slots=True)
class AlertDetail:
    """One alert with its history, oldest first, its study (None: gone, or about none) and the study's other alerts.

    `local_name_id` is the name as sent of the study, for a rule that names it anew.
    """

    alert: AlertRow
    steps: tuple[StepRow, ...]
    follow_ups: tuple[FollowUpRow, ...]
    study: StudyRow | None
    others: tuple[AlertRow, ...] = field(default_factory=tuple)
    local_name_id: int | None = None


@dataclass(frozen=True, slots=True)
class FollowUpWish:
    """Which steps of follow-up: of one alert (None: of all), done or not (None: both), due before `today` only."""

    today: date
    alert_id: int | None = None
    done: bool | None = None
    overdue: bool = False
