"""A browser without a screen: opens an address, makes every call that the page makes at first, and tells what was said.

What a page shows is made by callbacks whose components stand in it, some of them in what other callbacks brought: they
are called until nothing new comes, with what the components hold.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask.testing import FlaskClient
from sqlalchemy import insert, select

from dash_app import guard
from dash_app.context import KEY
from dose.database import make_engine, session_factory, writing
from dose.tables import AppUser, UserRole
from tests.web.conftest import ORIGIN, Site, twice

FAULT = "This part of the page could not be made"
Call = dict[str, Any]
Properties = dict[str, dict[str, Any]]  # of components, by their ids


@dataclass
class Visit:
    """One page as it stands after all its first calls: `text` is all that was sent, `calls` how many answered."""

    path: str
    search: str
    text: str = ""
    calls: int = 0
    parts: Properties = field(default_factory=dict)
    made: set[str] = field(default_factory=set)


def visit(client: FlaskClient, path: str, said: Mapping[str, str] | str = "") -> Visit:
    """Open an address; every answer must be one, and none a fault."""
    search = said if isinstance(said, str) else "?" + urlencode(said, errors="surrogatepass")
    here = Visit(path, search)
    here.parts["url"] = {"pathname": path, "search": search, "href": ORIGIN + path + search}
    here.parts |= {"page": {}, "rail": {}, "title": {}}
    known = calls(client)
    while wanted := next(_waiting(known, here), None):
        here.made.add(wanted["output"])
        _call(client, here, wanted)
    return here


def calls(client: FlaskClient) -> list[Call]:
    """What the app tells a browser about its callbacks: those that are made on the server, at first."""
    if not _KNOWN:
        told = client.get("/_dash-dependencies").get_json()
        _KNOWN.extend(one for one in told if not one["clientside_function"] and not one["prevent_initial_call"])
    return _KNOWN


_KNOWN: list[Call] = []


def _waiting(known: list[Call], here: Visit) -> Iterator[Call]:
    """Callbacks whose components are all there, and that were not called yet."""
    for one in known:
        parts = [*one["inputs"], *one["state"], *_outputs(one["output"])]
        if one["output"] not in here.made and all(part["id"] in here.parts for part in parts):
            yield one


def _outputs(output: str) -> list[dict[str, str]]:
    names = output.strip(".").split("...") if output.startswith("..") else [output]
    return [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in names]


def _call(client: FlaskClient, here: Visit, one: Call) -> None:
    output, outputs = one["output"], _outputs(one["output"])
    inputs, state = ([_held(here, part) for part in one[kind]] for kind in ("inputs", "state"))
    body = {
        "output": output, "outputs": [_named(part) for part in outputs] if output.startswith("..") else
        _named(outputs[0]), "inputs": inputs, "state": state,
        "changedPropIds": [f"{part['id']}.{part['property']}" for part in one["inputs"]],
    }  # fmt: skip
    headers = {"Origin": ORIGIN, guard.CSRF_HEADER: twice(client)}
    answer = client.post("/_dash-update-component", json=body, headers=headers)
    text = answer.get_data(as_text=True)
    assert answer.status_code in (200, 204), (here.path, here.search[:300], output, answer.status_code)
    assert FAULT not in text, (here.path, here.search[:300], output)
    here.text += text
    here.calls += 1
    _keep(here, json.loads(text, parse_constant=_no_number) if answer.status_code == 200 else {})


def _no_number(name: str) -> None:
    raise AssertionError(f"{name} is no JSON: a browser shows nothing of the answer")


def _named(part: Mapping[str, str]) -> dict[str, Any]:
    name = json.loads(part["id"]) if part["id"].startswith("{") else part["id"]
    return {"id": name, "property": part["property"]}


def _held(here: Visit, part: Mapping[str, str]) -> dict[str, Any]:
    return _named(part) | {"value": here.parts[part["id"]].get(part["property"])}


def _keep(here: Visit, answer: Mapping[str, Any]) -> None:
    """What an answer brought: properties of components, and components in them."""
    for name, properties in answer.get("response", {}).items():
        here.parts.setdefault(name, {}).update(properties)
        for value in properties.values():
            here.parts.update(_components(value))
    for name, properties in answer.get("sideUpdate", {}).items():
        here.parts.setdefault(name, {}).update(properties)


def _components(value: Any) -> Properties:
    """The components within a value, by id."""
    found: Properties = {}
    if isinstance(value, list):
        for one in value:
            found |= _components(one)
    elif isinstance(value, dict):
        own = value.get("props", {})
        if "type" in value and isinstance(own, dict) and own.get("id"):
            name = own["id"]
            found[name if isinstance(name, str) else json.dumps(name, sort_keys=True, separators=(",", ":"))] = own
        for one in value.values():
            found |= _components(one)
    return found


@contextmanager
def over_another(site: Site, empty: Path, folder: Path) -> Iterator[Site]:
    """The same app over another, empty database, with the same accounts."""
    (folder / "dacs.sqlite3").write_bytes(empty.read_bytes())
    engine = make_engine(f"sqlite:///{folder}/dacs.sqlite3")
    found = replace(site, sessions=session_factory(engine))
    with site.sessions() as here, writing(found.sessions) as there:
        for table in (AppUser.__table__, UserRole.__table__):
            there.execute(insert(table), [dict(row) for row in here.execute(select(table)).mappings()])
    extensions = site.app.server.extensions
    before = extensions[KEY]
    extensions[KEY] = replace(before, sessions=found.sessions)
    yield found
    extensions[KEY] = before
    engine.dispose()
