"""Who is let to see one site sees nothing of another: on every page, with its numbers in the address, in every file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, select

from dash_app.frame import PAGES
from dash_app.pages import register
from dose.database import writing
from dose.model import Device, Patient, Person
from dose.scope import Role
from dose.store.facts import catch_up
from dose.tables import AppUser, Operator, Protocol, Study, UserSite
from dose.tables import Device as DeviceRow
from dose.tables import Patient as PatientRow
from dose.tables import Site as SiteRow
from tests.corrections.ward import of
from tests.independent.visitor import over_another, visit
from tests.store.pretend import event, put
from tests.web.conftest import Site, address, the_site
from tests.web.test_gate import concrete, example

pytestmark = pytest.mark.slow
HIDDEN = "Zzyzx"  # stands in every name that belongs to the other site alone
register()
PATHS = [one.href or example(one.pattern.pattern.split("(?:")[0]) for one in PAGES]
CHOICES = ("device", "site", "protocol", "operator", "patient", "study")


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[tuple[Site, dict[str, int]]]:
    """An app over two sites; its physicist is let to see the first. With row numbers of the second."""
    site = the_site(tmp_path_factory)
    site.as_(Role.PHYSICIST)
    with over_another(site, migrated_sqlite, tmp_path_factory.mktemp("scope")) as found:
        for number in range(3):
            put(found.sessions, of(f"a{number}", 1, event(f"1.9.1{number}", 300.0)), site="Here")
            put(found.sessions, hidden(number), site=f"{HIDDEN} site", keep_operators=True)
        catch_up(found.sessions)
        with writing(found.sessions) as session:
            who = session.scalars(select(AppUser.id).where(AppUser.email == address(Role.PHYSICIST))).one()
            here = session.scalars(select(SiteRow.id).where(SiteRow.name == "Here")).one()
            session.execute(insert(UserSite), {"user_id": who, "site_id": here})
            numbers = _numbers(session)
        yield found, numbers


def hidden(number: int):
    """A study of the other site."""
    one = event(f"1.9.2{number}", 9000.0, protocol=f"{HIDDEN} protocol", ctdi_phantom="body_32", ctdi_vol_mgy=77.0)
    return replace(
        of(f"b{number}", 1, one), patient=Patient("4712", f"{HIDDEN}^Bea", "1960-01-01", "F", 60.0, issuer="HIS"),
        device=Device("Maker", f"{HIDDEN} model", "999", f"{HIDDEN}CT"), study_description=f"{HIDDEN} study",
        people=(Person("operator", f"{HIDDEN}^Op"),), accession_number=f"{HIDDEN}{number}",
    )  # fmt: skip


def _numbers(session) -> dict[str, int]:
    last = {"site": SiteRow, "device": DeviceRow, "protocol": Protocol, "operator": Operator, "patient": PatientRow}
    found = {name: max(session.scalars(select(table.id))) for name, table in last.items()}
    return found | {"study": session.scalars(select(Study.id).where(Study.study_instance_uid == "1.2.b0")).one()}


def client_of(site: Site) -> FlaskClient:
    return site.as_(Role.PHYSICIST)


@pytest.mark.parametrize("path", PATHS)
def test_no_page_shows_anything_of_the_other_site(limited: tuple[Site, dict[str, int]], path: str) -> None:
    site, numbers = limited
    every = " or ".join(f"{name} is {numbers[name]}" for name in CHOICES)
    wishes = [f"?where={every}&by=device",
              f"?device={numbers['device']}&site={numbers['site']}&procedure=1&group={numbers['device']}&by=device",
              f"?against={numbers['device']}&other={numbers['device']}&on={numbers['device']}&by=site"]  # fmt: skip
    wishes += [f"?where={every}&by={name}" for name in CHOICES] if path == "/statistics" else []
    for wish in wishes:
        assert HIDDEN not in visit(client_of(site), path, wish).text, (path, wish)


def test_its_rows_are_nowhere(limited: tuple[Site, dict[str, int]]) -> None:
    site, numbers = limited
    for path in (f"/studies/{numbers['study']}", f"/patients/{numbers['patient']}",
                 f"/quality/samples/{numbers['device']}/2026-01"):  # fmt: skip
        assert HIDDEN not in visit(client_of(site), path).text, path


def test_no_file_holds_anything_of_it(limited: tuple[Site, dict[str, int]]) -> None:
    site, numbers = limited
    every = " or ".join(f"{name} is {numbers[name]}" for name in CHOICES)
    for rule in site.app.server.url_map.iter_rules():
        for name in ("device", "protocol", "operator") if rule.rule.endswith(("/export", ".csv")) else ():
            said = {"format": "csv", "by": name, "where": every, "from": "2020-01-01"}
            content = client_of(site).get(f"{concrete(rule)}?{urlencode(said)}").get_data()
            assert HIDDEN.encode() not in content.replace(every.encode(), b""), (rule.rule, name)
            assert b"9000" not in content, (rule.rule, name)


def test_who_sees_all_sites_sees_it(limited: tuple[Site, dict[str, int]]) -> None:
    site, numbers = limited
    everything = site.as_(Role.ADMINISTRATOR)
    for path in ("/studies", "/statistics?by=protocol", "/statistics?by=device", f"/studies/{numbers['study']}"):
        assert HIDDEN in visit(everything, *path.partition("?")[::2]).text, path
