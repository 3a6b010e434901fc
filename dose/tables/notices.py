"""The outbox: messages to people, each call of a peer, and how channels are. See `dose.store.outbox`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from dose.tables.base import ID, Base

_FRESH = text("why IS NULL AND state = 'pending'")
_UNREPORTED = text("state = 'sent' AND channel = 'sms' AND provider_id IS NOT NULL")
_BANNER = text("channel = 'banner' AND state IN ('pending', 'leased', 'sent')")


class Notification(Base):
    """One message to one person over one channel: see `dose.store.outbox` for its states."""

    __tablename__ = "notification"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    dedup_key: Mapped[str] = mapped_column(String(120), unique=True)
    kind: Mapped[str] = mapped_column(String(8))  # alert | digest | patient | test
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alert.id", ondelete="SET NULL"), index=True)
    recipient_id: Mapped[int | None] = mapped_column(ForeignKey("recipient.id", ondelete="SET NULL"))
    patient_notice_id: Mapped[int | None] = mapped_column(
        ForeignKey("patient_notice.id", ondelete="SET NULL"), index=True
    )
    # The digest that this goes out in; its state follows that one's
    digest_id: Mapped[int | None] = mapped_column(ForeignKey("notification.id"), index=True)
    channel: Mapped[str] = mapped_column(String(8))
    mode: Mapped[str] = mapped_column(String(8), default="at_once")  # at_once | digest
    # Why it goes as it goes: at-once | free | quiet | budget | storm | asked; None: nobody has planned it yet
    why: Mapped[str | None] = mapped_column(String(8))
    language: Mapped[str] = mapped_column(String(5))
    template: Mapped[str] = mapped_column(String(40))
    params: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # ids, counts and codes only
    state: Mapped[str] = mapped_column(String(10), default="pending")
    priority: Mapped[int] = mapped_column(default=5)  # 0 first
    not_before: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)  # begun
    attempt_id: Mapped[int | None] = mapped_column(ID)  # begun and not known to have failed
    lease_owner: Mapped[str | None] = mapped_column(String(80))
    lease_until: Mapped[datetime | None]
    lease_number: Mapped[int] = mapped_column(default=0)  # grows with each lease: who holds an old one is told
    reference: Mapped[str] = mapped_column(String(24), index=True)  # in the text of an SMS and in Message-ID
    provider_id: Mapped[str | None] = mapped_column(String(80), index=True)
    last_error: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime] = mapped_column(index=True)
    __table_args__ = (
        Index("ix_notification_next", "state", "mode", "channel", "priority", "not_before", "id"),
        Index("ix_notification_lease", "state", "lease_until"),
        Index("ix_notification_state", "state", "id"),
        Index("ix_notification_kind", "kind", "id"),
        Index("ix_notification_recipient", "recipient_id", "id"),
        Index("ix_notification_told", "recipient_id", "channel", "why", "not_before"),
        # Two small ones; their first columns say what their conditions say, else SQLite takes a larger index
        Index("ix_notification_fresh", "state", "why", "priority", "id", sqlite_where=_FRESH, postgresql_where=_FRESH),
        Index(
            "ix_notification_unreported",
            "state",
            "channel",
            "changed_at",
            sqlite_where=_UNREPORTED,
            postgresql_where=_UNREPORTED,
        ),
        # What stands on somebody's pages now: asked every few seconds by every page that is open
        Index("ix_notification_banner", "recipient_id", "id", sqlite_where=_BANNER, postgresql_where=_BANNER),
    )


class NotificationAttempt(Base):
    """One call of a peer, written before the call; kept for ever."""

    __tablename__ = "notification_attempt"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    notification_id: Mapped[int] = mapped_column(ForeignKey("notification.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    owner: Mapped[str] = mapped_column(String(80))
    outcome: Mapped[str] = mapped_column(String(10))  # begun | sent | retry | failed | unclear | parked | cancelled
    provider_id: Mapped[str | None] = mapped_column(String(80))
    error: Mapped[str | None] = mapped_column(String(200))


class ChannelState(Base):
    """The health of a channel over restarts: its circuit breaker. What it spent is `ChannelDay`."""

    __tablename__ = "channel_state"
    channel: Mapped[str] = mapped_column(String(8), primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)  # in a row
    open_until: Mapped[datetime | None]  # nothing is tried before
    cap_micros: Mapped[int | None] = mapped_column(BigInteger)  # a day, as it was last started with; None: no cap
    paused_at: Mapped[datetime | None]  # by a person: since then its messages wait
    paused_by: Mapped[str | None] = mapped_column(String(255))
    changed_at: Mapped[datetime]


class InboundReply(Base):
    """An answer to a text message, without its words and its number: that it was heard, and what it changed."""

    __tablename__ = "inbound_reply"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    provider_id: Mapped[str] = mapped_column(String(80), unique=True)  # a report that is played again is known by it
    said: Mapped[str] = mapped_column(String(8))  # stop | other
    ended: Mapped[int]  # consents that ended by it
    at: Mapped[datetime]


class ChannelDay(Base):
    """What a channel took on one day (UTC): how costs are told by month, and when it worked last."""

    __tablename__ = "channel_day"
    channel: Mapped[str] = mapped_column(String(8), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    messages: Mapped[int] = mapped_column(default=0)
    micros: Mapped[int] = mapped_column(BigInteger, default=0)  # expected cost, millionths of the account's currency
    last_at: Mapped[datetime]
