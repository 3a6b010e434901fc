"""A browser without a screen: opens an address, makes every call that the page makes at first, and tells what was said.

What a page shows is made by callbacks whose components stand in it, some of them in what other callbacks brought: they
are called until nothing new comes, with what the components hold.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from flask.testing import FlaskClient

from dash_app import guard
from tests.web.conftest import ORIGIN, Site, twice

FAULT = "This part of the page could not be made"
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


def visit(site: Site, client: FlaskClient, path: str, said: Mapping[str, str] | str = "") -> Visit:
    """Open an address; every answer must be one, and none a fault."""
    search = said if isinstance(said, str) else "?" + urlencode(said, errors="surrogatepass")
    here = Visit(path, search)
    here.parts["url"] = {"pathname": path, "search": search, "href": ORIGIN + path + search}
    here.parts |= {"page": {}, "rail": {}, "title": {}}
    while (wanted := next(_waiting(site, here), None)) is not None:
        here.made.add(wanted)
        _call(site, client, here, wanted)
    return here


def _waiting(site: Site, here: Visit) -> Iterator[str]:
    """Callbacks whose components are all there, and that were not called yet."""
    for output, one in site.app.callback_map.items():
        at_first = "callback" in one and not one.get("prevent_initial_call") and "@" not in output
        if at_first and output not in here.made and all(part["id"] in here.parts for part in _parts(output, one)):
            yield output


def _parts(output: str, one: Mapping[str, Any]) -> list[Mapping[str, str]]:
    return [*one["inputs"], *one.get("state", ()), *_outputs(output)]


def _outputs(output: str) -> list[dict[str, str]]:
    names = output.strip(".").split("...") if output.startswith("..") else [output]
    return [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in names]


def _call(site: Site, client: FlaskClient, here: Visit, output: str) -> None:
    one, outputs = site.app.callback_map[output], _outputs(output)
    inputs, state = ([_held(here, part) for part in one.get(kind, ())] for kind in ("inputs", "state"))
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
