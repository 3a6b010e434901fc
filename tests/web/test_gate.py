"""Nothing is shown to anybody who was not let in, on any route, for any role."""

from __future__ import annotations

import json
import re

import pytest
from waitress.adjustments import Adjustments
from waitress.proxy_headers import proxy_headers_middleware
from werkzeug.routing import Rule

from dash_app import guard
from dash_app.frame import PAGES
from dash_app.main import behind_proxy
from dose.scope import PERMISSIONS, Permission, Role
from tests.web.conftest import ORIGIN, Asked, Site, twice, value

OPEN = {"/login", "/healthz", "/language/<code>", "/tf-validate", "/tf-select", "/tf-setup", "/d/<token>", "/s/<token>"}
LIST = Asked(
    "..studies-body.children...studies-body.data-version...studies-count.children...studies-pager.children"
    "...studies-chips.children...studies-seen.data..",
    [value("url", "search", ""), value("live", "data", None)],
    [value("url", "pathname", "/studies"), value("studies-seen", "data", None)],
)
REJECTED = Asked(
    "..rejected-body.children...rejected-count.children..",
    [value("url", "search", ""), value("rejected-action", "data", None)],
    [value("url", "pathname", "/rejected")],
)
SYSTEM = Asked(
    "system-body.children", [value("system-tick", "n_intervals", 0), value("system-answer", "children", None)], []
)


def study(number: int = 1) -> Asked:
    path = f"/studies/{number}"
    state = [value("url", "pathname", path)]
    inputs = [value("study-key", "data", number), value("url", "search", ""), value("study-tick", "n_intervals", None)]
    return Asked("..study-body.children...study-tick.disabled..", inputs, state)


def page(path: str) -> Asked:
    outputs = "..page.children...rail.children...title.data.."
    return Asked(outputs, [value("url", "pathname", path)], [value("url", "search", "")])


def concrete(rule: Rule) -> str:
    values = {name: 1 if "int" in str(rule._converters[name]).lower() else "x" for name in rule.arguments}
    return str(rule.build(values)[1])  # type: ignore[index]


def test_no_route_answers_anybody_without_a_session(site: Site) -> None:
    client = site.client()
    for rule in site.app.server.url_map.iter_rules():
        if rule.rule in OPEN or "GET" not in (rule.methods or set()):
            continue
        status = client.get(concrete(rule)).status_code
        assert status in {301, 302, 401, 405}, (rule.rule, status)


@pytest.mark.parametrize(
    "path", ["/studies", "/_dash-layout", "/_dash-dependencies", "/assets/dacs.js", "/live/studies"]
)
def test_what_the_app_is_made_of_stays_behind_the_sign_in(site: Site, path: str) -> None:
    assert site.client().get(path).status_code == 401


def test_a_browser_is_sent_to_the_sign_in_and_back(site: Site) -> None:
    answer = site.client().get("/studies/7?events=2", headers={"Accept": "text/html"})
    assert answer.headers["Location"] == "/login?next=/studies/7%3Fevents%3D2"


@pytest.mark.parametrize(
    "path", ["/assets/tokens.css", "/assets/sign-in.css", "/assets/theme.js", "/login", "/healthz"]
)
def test_the_sign_in_page_has_what_it_needs(site: Site, path: str) -> None:
    assert site.client().get(path, buffered=True).status_code == 200


def example(pattern: str) -> str:
    """An address that a page's pattern matches."""
    for digits, text in ((r"\d{1,10}", "1"), (r"\d{4}-\d{2}", "2026-01")):
        pattern = pattern.replace(digits, text)
    return re.sub(r"\(\?P<\w+>([^)]*)\)", r"\1", pattern).strip("^$")


@pytest.mark.parametrize("role", Role)
def test_a_page_opens_for_exactly_the_roles_that_may(site: Site, role: Role) -> None:
    for one in PAGES:
        path = one.href or example(one.pattern.pattern)
        body = json.dumps(page(path).send(site.as_(role)).get_json())
        allowed = one.permission is None or one.permission in PERMISSIONS[role]
        assert ("Your account does not open this page" in body) is not allowed, path
        assert (f'"href": "{one.href}", "className": "rail-link' in body) is allowed or not one.href


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(
    ("asked", "permission"),
    [
        (LIST, Permission.VIEW_DOSES),
        (study(), Permission.VIEW_DOSES),
        (REJECTED, Permission.VIEW_REJECTED),
        (SYSTEM, Permission.VIEW_SYSTEM),
    ],
)
def test_a_callback_answers_exactly_the_roles_that_may(
    site: Site, role: Role, asked: Asked, permission: Permission
) -> None:
    status = asked.send(site.as_(role)).status_code
    assert status == (200 if permission in PERMISSIONS[role] else 403)


@pytest.mark.parametrize("asked", [LIST, study()])
def test_roles_without_identities_never_receive_one(site: Site, asked: Asked) -> None:
    known = asked.send(site.as_(Role.RADIOLOGIST)).get_data(as_text=True)
    hidden = asked.send(site.as_(Role.RESEARCHER)).get_data(as_text=True)
    assert "DEMO-0" in known
    assert "DEMO-0" not in hidden
    assert "Identity not shown" in hidden


def test_the_index_holds_no_rows(site: Site) -> None:
    client = site.as_(Role.PHYSICIST)
    assert "DEMO-0" in LIST.send(client).get_data(as_text=True)
    for path in ("/studies", "/studies/1", "/_dash-layout", "/_dash-dependencies"):
        assert "DEMO-" not in client.get(path).get_data(as_text=True), path


def test_a_role_without_images_gets_none(site: Site) -> None:
    path = "/images/instances/" + "-".join(["0" * 8] * 5) + "/rendered"
    assert site.as_(Role.RESEARCHER).get(path).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {guard.CSRF_HEADER: "x" * 43},
        {guard.CSRF_HEADER: ""},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
    ],
)
def test_a_forged_request_is_refused(site: Site, headers: dict[str, str]) -> None:
    assert LIST.send(site.as_(Role.PHYSICIST), **headers).status_code == 403


def test_a_request_without_any_origin_is_refused(site: Site) -> None:
    client = site.as_(Role.PHYSICIST)
    answer = client.post("/_dash-update-component", json={}, headers={guard.CSRF_HEADER: twice(client)})
    assert answer.status_code == 403


def test_signing_out_needs_the_token_too(site: Site) -> None:
    client = site.as_(Role.MANAGER)
    assert client.post("/logout", headers={"Origin": ORIGIN}).status_code == 403
    assert client.get("/studies").status_code == 200


@pytest.mark.parametrize(
    ("language", "text"), [("en", "nothing at this"), ("fr", "rien à cette"), ("ar", "لا يوجد شيء")]
)
def test_a_fault_is_said_in_the_readers_language(site: Site, language: str, text: str) -> None:
    client = site.as_(Role.PHYSICIST)
    headers = {"Accept": "text/html", "Accept-Language": language}
    answer = client.get("/assets/none.css", headers=headers)
    assert (answer.status_code, f'lang="{language}"' in answer.text) == (404, True)
    assert text in answer.text
    assert "gate" not in client.get("/images/none", headers={"Accept": "image/png"}).text
    assert client.post("/logout", headers=headers | {"Origin": ORIGIN}).status_code == 403


@pytest.mark.parametrize(("trusted", "seen"), [("", "127.0.0.1 http"), ("127.0.0.1", "9.9.9.9 https")])
def test_only_a_named_proxy_says_who_asks(trusted: str, seen: str) -> None:
    said = Adjustments(**behind_proxy(trusted))
    app = proxy_headers_middleware(
        lambda environ, _start: [f"{environ['REMOTE_ADDR']} {environ['wsgi.url_scheme']}"],
        said.trusted_proxy, said.trusted_proxy_count, said.trusted_proxy_headers, said.clear_untrusted_proxy_headers,
    )  # fmt: skip
    headers = {"HTTP_X_FORWARDED_FOR": "6.6.6.6, 9.9.9.9", "HTTP_X_FORWARDED_PROTO": "https"}
    asked = {"REMOTE_ADDR": "127.0.0.1", "REMOTE_HOST": "127.0.0.1", "wsgi.url_scheme": "http", "SERVER_NAME": "here"}
    assert app(asked | {"SERVER_PORT": "80", "HTTP_HOST": "here"} | headers, None) == [seen]


def test_every_answer_carries_the_headers_that_keep_it_here(site: Site) -> None:
    answer = site.as_(Role.PHYSICIST).get("/studies")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "script-src 'self' 'sha256-" in policy
    assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_model_context_server_is_off(site: Site) -> None:
    assert site.as_(Role.ADMINISTRATOR).post("/_mcp", headers={"Origin": ORIGIN}).status_code in {403, 404, 405}
    assert json.loads(site.client().get("/healthz").data) == {"status": "ok"}
