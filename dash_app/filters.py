"""A study list as an address: every filter, the order and the page are URL parameters.

What may name a patient is sealed with the installation's key before it enters an address, because addresses end up in
histories and in the logs of proxies: `?patient=~…` can be shared and kept, and read only here.
"""

from __future__ import annotations

import base64
import binascii
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, Response, has_request_context, jsonify, request

from dash_app.context import scope
from dose.crypto import keys
from dose.errors import ConfigError
from dose.queries import Order, StudyFilter
from dose.queries.choice import NotAChoice, text_of
from dose.queries.choice import parse as parse_choice
from dose.scope import Permission

PAGE_SIZE = 50
LONGEST = 200
STATES = ("ok", "notes")
YEARS = range(1900, 2200)  # of studies; nobody counts days beyond the ends of the calendar
NAMING = frozenset({"q", "patient", "accession"})  # what people type there may name a patient
SEALED = "~"
OF_PATIENTS, OF_ANYBODY = "address.patient", "address.filter"  # by whom it was typed

blueprint = Blueprint("filters", __name__)


@blueprint.post("/filters/seal")
def seal_texts() -> Response:
    """Each text, sealed: the browser puts the answer into its address."""
    scope().require(Permission.VIEW_DOSES)
    return jsonify({name: seal(str(text)[:LONGEST]) for name, text in (request.get_json() or {}).items()})


@blueprint.post("/filters/open")
def open_texts() -> Response:
    """Each sealed text, as it was typed: the browser shows it in its field."""
    scope().require(Permission.VIEW_DOSES)
    return jsonify({name: unseal(str(text)) for name, text in (request.get_json() or {}).items()})


def seal(text: str) -> str:
    """The text as it may stand in an address; empty stays empty."""
    clean = text.strip().encode("utf-8", "ignore")
    sealed = keys().seal(clean, _contexts()[0])
    return SEALED + base64.urlsafe_b64encode(sealed).decode().rstrip("=") if clean else ""


def unseal(text: str) -> str:
    """The text behind a sealed one; empty when it was altered, sealed elsewhere or by somebody who may see more, itself
    when it is not sealed.
    """
    if not text.startswith(SEALED):
        return text
    for context in _contexts():
        with suppress(binascii.Error, ConfigError, ValueError, IndexError):
            return keys().open(base64.urlsafe_b64decode(text[len(SEALED) :] + "=="), context).decode()
    return ""


def _contexts() -> tuple[str, ...]:
    """As what this person may seal, first, and open: an address of somebody who sees patients names none to others."""
    sees_patients = has_request_context() and scope().may(Permission.VIEW_PATIENTS)
    return (OF_PATIENTS, OF_ANYBODY) if sees_patients else (OF_ANYBODY,)


@dataclass(frozen=True, slots=True)
class Listing:
    """What an address asks for; `page` counts from 1."""

    chosen: StudyFilter
    order: Order
    page: int

    @property
    def offset(self) -> int:
        """Rows before this page."""
        return (self.page - 1) * PAGE_SIZE


def parameters(search: str | None) -> dict[str, str]:
    """The non-empty parameters of `?a=b&c=d`, opened, without what no database takes (NUL, lone surrogates)."""
    search = (search or "").encode("utf-8", "ignore").decode().replace("\0", "").replace("%00", "")
    said = {name: value.strip() for name, value in parse_qsl(search.lstrip("?"))}
    opened = {name: unseal(value) if name in NAMING else value for name, value in said.items()}
    return {name: value for name, value in opened.items() if value}


def address(values: dict[str, str], path: str = "/studies") -> str:
    """The address with these parameters, sealed where they may name a patient."""
    told = {name: seal(value) if name in NAMING else value for name, value in values.items()}
    return f"{path}?{urlencode(told, safe=SEALED)}" if told else path


def parse(search: str | None) -> Listing:
    """The listing of an address; what cannot be understood is left out rather than refused."""
    said = parameters(search)
    chosen = StudyFilter(
        q=said.get("q"),
        patient=said.get("patient"),
        accession=said.get("accession"),
        protocol=said.get("protocol"),
        description=said.get("description"),
        date_from=day(said.get("from")),
        date_to=day(said.get("to")),
        modality=said.get("modality"),
        device_id=number(said.get("device")),
        state=said.get("state") if said.get("state") in STATES else None,
        warning=said.get("warning"),
        missing=said.get("missing"),
        where=understood(said.get("where")),
        procedure=number(said.get("procedure")),
    )
    order = said.get("sort", "")
    return Listing(
        chosen, Order(order) if order in Order.__members__.values() else Order.NEWEST, number(said.get("page")) or 1
    )


def understood(text: str | None) -> str | None:
    """The text of a choice; None when it is none."""
    try:
        return text_of(parse_choice(text)) or None
    except NotAChoice:
        return None


def day(text: str | None) -> date | None:
    """A day as YYYY-MM-DD, None when the text is none, or one of a time without devices to come."""
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.year in YEARS else None


def number(text: str | None) -> int | None:
    """A row id or the number of a page, None when the text is none."""
    is_number = text is not None and text.isascii() and text.isdigit() and len(text) <= 10  # int reads no endless ones
    return int(text) if text and is_number and 0 < int(text) < 2**31 else None
