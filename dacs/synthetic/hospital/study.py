"""One study of the demonstration hospital: its reports and its images, made when asked for."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from pydicom.dataset import Dataset

from dacs.synthetic.ct import CTEvent
from dacs.synthetic.document import Document
from dacs.synthetic.hospital.people import Person
from dacs.synthetic.hospital.protocols import PROCEDURES, SLIPS
from dacs.synthetic.projection import XRayEvent
from dacs.synthetic.subjects import Device, Patient, Study
from dacs.synthetic.uids import uid

STUDIES = 900  # of the whole year

Event = CTEvent | XRayEvent
E = TypeVar("E", CTEvent, XRayEvent)


@dataclass(frozen=True, slots=True)
class DemoStudy:
    """A study as it was performed.

    `twist` names what is unusual about it (None for most); `events` are all exposures in order, whatever the reports
    repeat or leave to one another; `readable` is False for the one whose report must be rejected.
    """

    number: int
    patient: Patient
    device: Device
    study: Study
    modality: str
    twist: str | None
    events: tuple[Event, ...]
    make_reports: Callable[[], Iterable[Dataset]]
    make_images: Callable[[], Iterable[Dataset]]
    readable: bool = True

    def reports(self) -> list[Dataset]:
        """Return the dose reports in the order in which the modality sent them."""
        return list(self.make_reports())

    def images(self) -> Iterator[Dataset]:
        """Yield the images, drawn one by one."""
        yield from self.make_images()

    def objects(self) -> Iterator[Dataset]:
        """Yield images and then reports, as a modality sends them."""
        yield from self.images()
        yield from self.reports()


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody comes for an examination: what every builder of a study starts from.

    `dice` throws for this visit alone, so that one study more does not change the others.
    """

    seed: int
    number: int
    person: Person
    started: datetime
    dice: random.Random
    twist: str | None = None

    @property
    def share_of_year(self) -> float:
        """How much of the year's work is done with this study: 1 at its end, whatever the dates."""
        return self.number / STUDIES

    @property
    def is_looked_at(self) -> bool:
        """Whether people will open it: of the last three months, or unusual. It has all of its images."""
        return self.twist is not None or self.share_of_year > 0.75

    @property
    def patient(self) -> Patient:
        """The patient as the modality writes them that day."""
        return self.person.at(self.started.date())

    def study(self, description: str) -> Study:
        """Return the worklist's side of the visit."""
        return Study(
            uid=uid("demo study", self.seed, self.number),
            accession_number=f"DEMO{self.number:05}",
            date=f"{self.started:%Y%m%d}",
            time=f"{self.started:%H%M%S}",
            description=description,
            procedure=PROCEDURES.get(description),
            id=str(self.number),
        )


def written(protocol: str, visit: Visit) -> str:
    """Return the protocol as it was chosen at the console: now and then one that somebody made again."""
    return SLIPS.get(protocol, protocol) if visit.dice.random() < 0.12 else protocol


def later(study: Study, seconds: float) -> str:
    """Return the DT of a moment after the study began."""
    began = datetime.strptime(study.started, "%Y%m%d%H%M%S")  # noqa: DTZ007 - local time of the device
    return f"{began + timedelta(seconds=seconds):%Y%m%d%H%M%S}"


def identified(study: Study, events: Sequence[E]) -> tuple[E, ...]:
    """Return the events with the UIDs that reports and images share."""
    return tuple(replace(event, uid=uid("demo event", study.uid, place)) for place, event in enumerate(events))


def portions(events: Sequence[E], twist: str | None) -> Iterator[tuple[Document, Sequence[E]]]:
    """Yield each report's form and events: all at once, cumulative (1, 2, 3 …) or continued (halves)."""
    if twist == "cumulative":
        for number in range(1, len(events) + 1):
            yield Document(number=number, completion="PARTIAL"), events[:number]
    elif twist == "continued":
        half = (len(events) + 1) // 2
        yield Document(number=1, completion="PARTIAL"), events[:half]
        yield Document(number=2), events[half:]
    else:
        yield Document(), events
