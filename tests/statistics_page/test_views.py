"""Saved views: one's own and shared ones, never changed by others."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from dose import accounts
from dose.database import writing
from dose.errors import NotPermitted
from dose.queries.views import saved_views
from dose.scope import Role, Scope, scope_for
from dose.store.views import delete_view, rename_view, save_view, share_view
from dose.tables import AuditEntry

PATH = "/statistics?measure=CT%2Fdlp_mgy_cm-study-32"


@pytest.fixture
def people(factory) -> tuple[Scope, Scope]:
    """A physicist and a radiologist."""
    roles = (Role.PHYSICIST, Role.RADIOLOGIST)
    with writing(factory) as session:
        ids = [accounts.create_user(session, f"{r.name}@example.org", "a long password", [r.value]).id for r in roles]
    return tuple(scope_for(n, str(n), [role.value]) for n, role in zip(ids, roles, strict=True))


def _names(factory, who: Scope) -> list[tuple[str, bool, bool]]:
    with factory() as session:
        return [(row.name, row.own, row.shared) for row in saved_views(session, who)]


def test_a_view_is_kept_renamed_shared_and_forgotten(factory, people) -> None:
    physicist, radiologist = people
    with writing(factory) as session:
        kept = save_view(session, physicist, "  CT by   room ", PATH)
        assert rename_view(session, physicist, kept, "Rooms")
    assert _names(factory, physicist) == [("Rooms", True, False)]
    assert _names(factory, radiologist) == []
    with writing(factory) as session:
        share_view(session, physicist, kept, True)
    assert _names(factory, radiologist) == [("Rooms", False, True)]
    with writing(factory) as session:
        delete_view(session, physicist, kept)
    assert _names(factory, radiologist) == []
    with factory() as session:
        assert session.scalar(select(func.count()).where(AuditEntry.action == "save view")) == 4


def test_a_name_leads_to_one_address_and_nonsense_is_not_kept(factory, people) -> None:
    physicist, _radiologist = people
    with writing(factory) as session:
        first, again = (save_view(session, physicist, "Mine", address) for address in (PATH, "/studies"))
        other = save_view(session, physicist, "Other", PATH)
        assert first == again != other
        assert not rename_view(session, physicist, other, "Mine")
        assert not rename_view(session, physicist, other, "  ")
        for name, address in ((" ", PATH), ("x", "/" + "x" * 7000), ("x", "https://elsewhere"), ("x", "//elsewhere")):
            assert save_view(session, physicist, name, address) is None
    with factory() as session:
        assert {view.name: view.address for view in saved_views(session, physicist)}["Mine"] == "/studies"


def test_others_change_nothing(factory, people) -> None:
    physicist, radiologist = people
    with writing(factory) as session:
        kept = save_view(session, physicist, "Mine", PATH)
        own = save_view(session, radiologist, "Mine", PATH)
        nobody = replace(radiologist, user_id=None)
        for who, change in ((radiologist, delete_view), (nobody, delete_view)):
            with pytest.raises(NotPermitted):
                change(session, who, kept)
        with pytest.raises(NotPermitted):
            rename_view(session, radiologist, kept, "Taken")
        with pytest.raises(NotPermitted):
            share_view(session, radiologist, own, True)
