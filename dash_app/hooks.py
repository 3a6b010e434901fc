"""What Twilio posts to us: delivery reports, signed with the account's token. No session, no cookie, no page."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, Response, abort, request

from dash_app.context import web
from dose.database import writing
from dose.log import logger
from dose.notify import webhook
from dose.store.outbox_address import SMS
from dose.store.outbox_doubts import delivery

LARGEST = 16_384  # bytes; a report has about 400
LOG = logger(__name__)

blueprint = Blueprint("hooks", __name__)


@blueprint.post(webhook.PATH)
def twilio() -> Response:
    """Write down what became of a message. What is not signed gets 403; what says nothing new changes nothing."""
    settings = web().settings
    if not settings.sms_callback or (request.content_length or LARGEST + 1) > LARGEST:
        abort(403)
    form = list(request.form.items(multi=True))
    signature = request.headers.get("X-Twilio-Signature", "")
    if not webhook.is_signed(settings.public_url + webhook.PATH, form, signature, settings.sms_token):
        LOG.warning("a delivery report that Twilio has not signed")
        abort(403)
    said = webhook.report(form, settings.sms_account)
    if said is not None and said.state != "underway":
        arrived, now = said.state == "delivered", datetime.now(UTC)
        with writing(web().sessions) as session:
            delivery(session, SMS, said.provider_id, now, arrived=arrived, reason=said.reason or None)
    return Response(status=204)
