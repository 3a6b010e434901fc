"""Our three addresses in Orthanc's REST API, and the button in Orthanc Explorer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from orthanc_plugin.api import RestOutput
from orthanc_plugin.pipe import Pipe

JSON = "application/json"
ORTHANC_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{8}){4}")
SEE_OTHER, ACCEPTED, BAD_REQUEST, UNAVAILABLE = 303, 202, 400, 503

BUTTON = """
$('#study').live('pagebeforeshow', function() {
  $('#dacs-dose').remove();
  if (!$.mobile.pageData) return;
  var study = $.mobile.pageData.uuid;
  var b = $('<a>').attr('id', 'dacs-dose').attr('data-role', 'button').attr('href', '#')
    .attr('data-icon', 'info').attr('data-theme', 'e').text('Dose').button();
  b.insertAfter($('#study-info'));
  b.click(function() { window.open(%s + encodeURIComponent(study)); return false; });
});
"""


def button(web_url: str) -> str:
    """JavaScript for Orthanc Explorer: a button on each study that opens its dose page."""
    # "</" cannot end the script early and "%" is not ours to interpret: the address is a JSON string.
    return BUTTON % json.dumps(_dose_page(web_url, "")).replace("</", "<\\/")


def _dose_page(web_url: str, study_id: str) -> str:
    return f"{web_url}/studies/by-orthanc/{study_id}"


class Rest:
    """Callbacks for `orthanc.RegisterRestCallback`."""

    def __init__(self, status: Callable[[], dict[str, Any]], pipe: Pipe, web_url: str) -> None:
        self._status = status
        self._pipe = pipe
        self._web_url = web_url

    def status(self, output: RestOutput, _uri: str, **request: Any) -> None:  # noqa: ANN401 - Orthanc's request
        """GET /dacs/status: the worker's state, the hook's counts, versions."""
        if request["method"] != "GET":
            output.SendMethodNotAllowed("GET")
            return
        output.AnswerBuffer(json.dumps(self._status(), indent=2), JSON)

    def reextract(self, output: RestOutput, _uri: str, **request: Any) -> None:  # noqa: ANN401
        """POST /dacs/reextract/{study}: the worker reads the dose objects of a study again."""
        study = request["groups"][0]
        if request["method"] != "POST":
            output.SendMethodNotAllowed("POST")
        elif not ORTHANC_ID.fullmatch(study):
            _answer(output, BAD_REQUEST, "not an Orthanc identifier of a study")
        elif self._status()["worker"]["state"] != "running":
            _answer(output, UNAVAILABLE, "the worker does not run here; see /dacs/status")
        elif not self._pipe.send(reextract=study):
            _answer(output, UNAVAILABLE, "the worker is busy; try again")
        else:
            _answer(output, ACCEPTED, "handed to the worker")

    def study(self, output: RestOutput, _uri: str, **request: Any) -> None:  # noqa: ANN401
        """GET /dacs/study/{study}: go to the study's dose page."""
        study = request["groups"][0]
        if request["method"] != "GET":
            output.SendMethodNotAllowed("GET")
        elif not ORTHANC_ID.fullmatch(study):
            _answer(output, BAD_REQUEST, "not an Orthanc identifier of a study")
        else:
            # Orthanc's own Redirect() answers 301, which browsers keep for ever.
            output.SetHttpHeader("Location", _dose_page(self._web_url, study))
            output.SendHttpStatusCode(SEE_OTHER)


def _answer(output: RestOutput, status: int, text: str) -> None:
    body = json.dumps({"message": text})
    output.SetHttpHeader("Content-Type", JSON)
    output.SendHttpStatus(status, body, len(body))
