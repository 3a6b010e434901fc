"""A study list as an address: every filter, the order and the page are URL parameters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from urllib.parse import parse_qsl, urlencode

from dose.queries import Order, StudyFilter

PAGE_SIZE = 50
STATES = ("ok", "notes")


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
    """The non-empty parameters of `?a=b&c=d`, without what no database takes (NUL, lone surrogates)."""
    search = (search or "").encode("utf-8", "ignore").decode().replace("\0", "").replace("%00", "")
    return {name: value.strip() for name, value in parse_qsl(search.lstrip("?")) if value.strip()}


def address(values: dict[str, str], path: str = "/studies") -> str:
    """The address with these parameters."""
    return f"{path}?{urlencode(values)}" if values else path


def parse(search: str | None) -> Listing:
    """The listing of an address; what cannot be understood is left out rather than refused."""
    said = parameters(search)
    chosen = StudyFilter(
        q=said.get("q"),
        patient=said.get("patient"),
        accession=said.get("accession"),
        protocol=said.get("protocol"),
        description=said.get("description"),
        date_from=_day(said.get("from")),
        date_to=_day(said.get("to")),
        modality=said.get("modality"),
        device_id=number(said.get("device")),
        state=said.get("state") if said.get("state") in STATES else None,
    )
    order = said.get("sort", "")
    return Listing(
        chosen, Order(order) if order in Order.__members__.values() else Order.NEWEST, number(said.get("page")) or 1
    )


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def number(text: str | None) -> int | None:
    """A row id or the number of a page, None when the text is none."""
    return int(text) if text and text.isascii() and text.isdigit() and 0 < int(text) < 2**31 else None
