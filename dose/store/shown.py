"""Which events a study shows, and whose objects tell of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, select

from dose.store.claims import LINK, STUDY
from dose.store.rows import EVENT
from dose.store.states import SOURCE


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """An event by its key and plane, the study whose object tells of it, and that study's row id."""

    event_key: str
    plane: str
    study_instance_uid: str
    origin: int


def shown_events(connection: Connection, study_id: int, event_ids: Collection[int]) -> list[ShownEvent]:
    """The events of these row ids that a study shows, own ones and linked; each once."""
    columns = (EVENT.c.event_key, EVENT.c.plane, STUDY.c.study_instance_uid, STUDY.c.id.label("origin"))
    joined = select(*columns).distinct().where(EVENT.c.id.in_(event_ids))
    own = joined.join(SOURCE, SOURCE.c.id == EVENT.c.source_object_id).where(EVENT.c.study_id == study_id)
    linked = joined.join(LINK, LINK.c.irradiation_event_id == EVENT.c.id).where(LINK.c.study_id == study_id)
    linked = linked.join(SOURCE, SOURCE.c.id == LINK.c.source_object_id)
    found: set[tuple[str, str, str, int]] = set()
    for part in (own, linked):
        found.update(connection.execute(part.join(STUDY, STUDY.c.id == SOURCE.c.study_id)))
    return [ShownEvent(*event) for event in sorted(found)]
