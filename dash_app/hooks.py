"""What Twilio posts to us: delivery reports and answers of patients, signed with the account's token.

No session, no cookie, no page.
"""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, Response, abort, request

from dash_app.context import web
from dose.database import writing
from dose.log import logger
from dose.notify import replies, webhook
from dose.store.outbox_address import SMS
from dose.store.outbox_doubts import delivery
from dose.store.patient_replies import heard

LARGEST = 16_384  # bytes; a report has about 400
LOG = logger(__name__)

blueprint = Blueprint("hooks", __name__)


@blueprint.post(webhook.PATH)
def twilio() -> Response:
    """Write down what became of a message. What is not signed gets 403; what says nothing new changes nothing."""
    said = webhook.report(_signed(webhook.PATH, wanted=web().settings.sms_callback), web().settings.sms_account)
    if said is not None and said.state != "underway":
        arrived, now = said.state == "delivered", datetime.now(UTC)
        with writing(web().sessions) as session:
            delivery(session, SMS, said.provider_id, now, arrived=arrived, reason=said.reason or None)
    return Response(status=204)


@blueprint.post(replies.PATH)
def answers() -> Response:
    """End the consents of who answers STOP. An answer that is played again, or says anything else, changes nothing."""
    said = replies.reply(_signed(replies.PATH, wanted=web().settings.sms_replies), web().settings.sms_account)
    if said is not None:
        with writing(web().sessions) as session:
            ended = heard(session, said, datetime.now(UTC))
        LOG.info("an answer to a text message", extra={"stops": said.stops, "ended": ended})
    return Response("<Response/>", mimetype="text/xml")  # nothing is answered


def _signed(path: str, *, wanted: bool) -> list[tuple[str, str]]:
    """The form of a request that Twilio signed for a path of ours; anything else gets 403."""
    settings = web().settings
    if not wanted or (request.content_length or LARGEST + 1) > LARGEST:
        abort(403)
    form = list(request.form.items(multi=True))
    signature = request.headers.get("X-Twilio-Signature", "")
    if not webhook.is_signed(settings.public_url + path, form, signature, settings.sms_token):
        LOG.warning("a report that Twilio has not signed", extra={"path": path})
        abort(403)
    return form
