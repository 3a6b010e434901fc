"""What local names mean: standard procedures, the rules that lead to them, and the names that devices send.

A *rule* is never edited: a change retires its row and adds one that says what it replaces, so that the history of a
mapping is its rows, an undo is one more row, and two people who edit one mapping meet on a row that is retired.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dose.crypto import EncryptedText
from dose.tables.base import ID, Base


class Procedure(Base):
    """A standard procedure (RadLex Playbook, LOINC), shipped or added by a site; `key` never changes.

    References: RSNA RadLex Playbook; LOINC/RSNA Radiology Playbook.
    """

    __tablename__ = "procedure"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    key: Mapped[str] = mapped_column(String(40), unique=True)  # RPID22, or local:… of a site
    name: Mapped[str] = mapped_column(String(160))  # English, as shipped; other languages by the catalogue
    modality: Mapped[str | None] = mapped_column(String(16))
    region: Mapped[str | None] = mapped_column(String(60))
    rpid: Mapped[str | None] = mapped_column(String(20))
    loinc: Mapped[str | None] = mapped_column(String(20))
    level: Mapped[str] = mapped_column(String(8), default="study")  # study | series | event: what it names
    is_head: Mapped[bool] = mapped_column(default=False)  # children are then grouped by age, not by weight (ICRP 135)
    active: Mapped[bool] = mapped_column(default=True)
    origin: Mapped[str] = mapped_column(String(12), default="shipped")  # shipped | site
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(255))


class ProcedureChange(Base):
    """What somebody said about a procedure: the latest row of one holds, and none is ever edited."""

    __tablename__ = "procedure_change"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    procedure_id: Mapped[int] = mapped_column(ForeignKey("procedure.id"), index=True)
    said: Mapped[dict[str, Any]]  # what it is from then on: names by language, modality, region, codes, active
    before: Mapped[dict[str, Any] | None]  # what it was; None: it was made
    undone: Mapped[bool] = mapped_column(default=False)  # whether this took the change before it back
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(255))


class ProcedureRule(Base):
    """A rule on several parameters that leads to a procedure; for all sites, or over them for one site or device."""

    __tablename__ = "procedure_rule"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    level: Mapped[str] = mapped_column(String(8))  # study | series | event: what its conditions look at
    modality: Mapped[str | None] = mapped_column(String(16))
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))
    device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id"))
    conditions: Mapped[list[Any]]  # [{field, op, value}], all of which hold
    procedure_id: Mapped[int] = mapped_column(ForeignKey("procedure.id"))
    complexity: Mapped[str | None] = mapped_column(String(20))  # of an intervention: simple | medium | complex
    priority: Mapped[int] = mapped_column(default=0)
    origin: Mapped[str] = mapped_column(String(12), default="person")  # person | accepted | csv | shipped
    note: Mapped[str | None] = mapped_column(String(300))
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("procedure_rule.id"))
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(255))
    retired_at: Mapped[datetime | None]  # None: in force
    retired_by: Mapped[str | None] = mapped_column(String(255))
    __table_args__ = (Index("ix_procedure_rule_in_force", "retired_at", "modality"),)


class LocalName(Base):
    """One combination of the words that one device sends about its studies; what mappings and suggestions look at.

    As the facts it belongs to, without foreign keys: it is written while somebody else may hold the device's row.
    """

    __tablename__ = "local_name"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    site_id: Mapped[int] = mapped_column(BigInteger)
    device_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    modality: Mapped[str | None] = mapped_column(String(16))
    words: Mapped[
        dict[str, Any]
    ]  # field of dose.naming.fields -> text as sent: description, protocol, procedure code …
    words_sha256: Mapped[str] = mapped_column(String(64))  # of site, device, modality and words
    first_seen_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("words_sha256"),)


class Protocol(Base):
    """A protocol name as devices send it, once."""

    __tablename__ = "protocol"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    name_sha256: Mapped[str] = mapped_column(String(64), unique=True)


class Operator(Base):
    """Who operated, where a site keeps operators: a number for statistics, the name encrypted."""

    __tablename__ = "operator"
    id: Mapped[int] = mapped_column(ID, primary_key=True)
    site_id: Mapped[int] = mapped_column(BigInteger)
    name_index: Mapped[bytes] = mapped_column(LargeBinary(16))
    name: Mapped[str | None] = mapped_column(EncryptedText("operator.name"))
    __table_args__ = (UniqueConstraint("site_id", "name_index"),)
