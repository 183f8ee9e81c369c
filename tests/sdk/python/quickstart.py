"""The whole quickstart with the official Python SDK, against the simulator at $SIMULATOR."""

import json
import os
import queue
import threading
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import telnyx

SIMULATOR = os.environ["SIMULATOR"]
PHONE = "+13035551234"
KEY = "KEY-python"
# The profile of the samples in Telnyx's quickstart.
QUICKSTART = "4900017a-e7c8-e79e-0a7c-0d98f49b09cc"


def control(path, body=None):
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(SIMULATOR + "/_simulator" + path, body and json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return answer.read().decode()


def outbox(phone=PHONE):
    return json.loads(control("/messages?phone=" + urllib.parse.quote(phone, safe="")))


def code(phone=PHONE):
    return control("/messages/latest/code?phone=" + urllib.parse.quote(phone, safe="")).strip()


def wrong(right):
    return ("1" if right[0] != "1" else "2") + right[1:]


def raises(error, call, number):
    try:
        call()
    except error as raised:
        assert type(raised) is error, type(raised)
        assert raised.body["errors"][0]["code"] == number, raised.body
        assert raised.response.headers["x-simulator"] == "true"
        return raised
    raise AssertionError(f"{error.__name__} was not raised")


client = telnyx.Telnyx(api_key=KEY, base_url=SIMULATOR + "/v2")
profiles, verifications = client.verify_profiles, client.verifications

# Templates.
prebuilt = profiles.retrieve_templates().data
assert len(prebuilt) == 6, len(prebuilt)
template = profiles.create_template(text="{{code}} opens {{app_name}}").data
template = profiles.update_template(template.id, text="{{app_name}}: {{code}}").data
assert len(profiles.retrieve_templates().data) == 7

# A profile.
profile = profiles.create(
    name="Shop",
    language="en-US",
    sms={"app_name": "Shop", "code_length": 6, "messaging_template_id": template.id, "whitelisted_destinations": ["US"]},
    call={"app_name": "Shop", "default_verification_timeout_secs": 120},
).data
assert profile.record_type == "verification_profile" and profile.id.startswith("4900"), profile
assert profile.sms.code_length == 6 and profile.call.code_length == 5 and profile.sms.alpha_sender == "Telnyx", profile
other = profiles.create(name="Other", sms={}).data
assert [found.id for found in profiles.list()] == [other.id, profile.id, QUICKSTART]
assert [found.id for found in profiles.list(page_size=1)] == [other.id, profile.id, QUICKSTART], "the next pages"
assert [found.id for found in profiles.list(filter={"name": "Shop"})] == [profile.id]
assert profiles.retrieve(profile.id).data.name == "Shop"
blocks = {"flashcall": {}, "dtmf_confirm": {"default_timeout_secs": 60}}
profile = profiles.update(profile.id, name="Store", whatsapp={}, extra_body=blocks).data
assert profile.name == "Store" and profile.sms.code_length == 6 and profile.whatsapp.code_length == 5, profile
assert profiles.delete(other.id).data.id == other.id
raises(telnyx.NotFoundError, lambda: profiles.retrieve(other.id), "10005")

# An SMS, a wrong code, the right one.
send = verifications.trigger_sms
sent = send(phone_number=PHONE, verify_profile_id=profile.id).data
assert (sent.status, sent.type, sent.timeout_secs, sent.custom_code) == ("pending", "sms", 300, None), sent
assert len(outbox()) == 1 and outbox()[0]["text"] == f"Shop: {code()}" and len(code()) == 6, outbox()
check = verifications.actions.verify
assert check(sent.id, code=wrong(code())).data.response_code == "rejected"
assert check(sent.id, code=code()).data.response_code == "accepted"
assert verifications.retrieve(sent.id).data.status == "accepted"
raises(telnyx.NotFoundError, lambda: check(sent.id, code=code()), "10005")

# By phone number: this SDK leaves the plus sign in the path as it is.
send(phone_number=PHONE, verify_profile_id=profile.id)
check_phone = verifications.by_phone_number.actions.verify
assert check_phone(PHONE, code=wrong(code()), verify_profile_id=profile.id).data.response_code == "rejected"
assert check_phone(PHONE, code=code(), verify_profile_id=profile.id).data.response_code == "accepted"

# Every other channel.
for trigger, kind in [
    (verifications.trigger_call, "call"),
    (verifications.trigger_flashcall, "flashcall"),
    (verifications.trigger_whatsapp_verification, "whatsapp"),
]:
    sent = trigger(phone_number=PHONE, verify_profile_id=profile.id).data
    assert sent.type == kind and outbox()[-1]["channel"] == kind, sent
    assert check(sent.id, code=code()).data.response_code == "accepted"

# A code of our own, whose outcome we report.
sent = verifications.trigger_call(
    phone_number=PHONE, verify_profile_id=profile.id, custom_code="43612", timeout_secs=60, extension="1ww2"
).data
assert sent.custom_code == "43612" and sent.timeout_secs == 60 and code() == "43612", sent
assert check(sent.id, status="accepted").data.response_code == "accepted"

# Too many wrong codes, and too late.
sent = send(phone_number=PHONE, verify_profile_id=profile.id).data
assert [check(sent.id, code=wrong(code())).data.response_code for _ in range(5)] == ["rejected"] * 5
assert verifications.retrieve(sent.id).data.status == "invalid"
sent = send(phone_number=PHONE, verify_profile_id=profile.id).data
control("/clock/advance", {"seconds": 301})
assert check(sent.id, code=code()).data.response_code == "rejected"
assert verifications.retrieve(sent.id).data.status == "expired"

# The list of a number, newest first.
found = verifications.by_phone_number.list(PHONE)
assert [item.type for item in found.data] == ["sms", "sms", "call", "whatsapp", "flashcall", "call", "sms", "sms"], found
assert (found.meta.total_results, found.meta.page_number, found.meta.page_size, found.meta.total_pages) == (8, 1, 25, 1)
assert len(outbox()) == 8, "one message a send"

# Errors, as the SDK tells them apart.
raises(telnyx.AuthenticationError, lambda: telnyx.Telnyx(api_key="", base_url=client.base_url).verify_profiles.retrieve(
    profile.id, extra_headers={"Authorization": "nothing"}), "10009")
raises(telnyx.NotFoundError, lambda: send(phone_number=PHONE, verify_profile_id="unknown"), "10005")
raises(telnyx.UnprocessableEntityError, lambda: send(phone_number="3035551234", verify_profile_id=profile.id), "10016")
raises(telnyx.BadRequestError, lambda: send(phone_number="+442071838750", verify_profile_id=profile.id), "40309")
raises(telnyx.BadRequestError, lambda: profiles.create(name="no channel"), "10015")
limited = raises(telnyx.RateLimitError, lambda: client.with_options(max_retries=0).verifications.trigger_sms(
    phone_number="+13035550100", verify_profile_id=profile.id), "10011")
assert limited.response.headers["retry-after"] == "1"

# The SDK repeats a send on its own after a 500, a reset and a 429: the outbox shows what a person gets.
send(phone_number="+13035550103", verify_profile_id=profile.id)
assert len(outbox("+13035550103")) == 1
try:
    send(phone_number="+13035550109", verify_profile_id=profile.id)
    raise AssertionError("the connection was not reset")
except telnyx.APIConnectionError:
    assert len(outbox("+13035550109")) == 3, "the first try and two more, each of which was sent"
assert len(outbox()) == 8, "nothing was sent twice on the way"

# The calls of Telnyx's quickstart.
quickstart = telnyx.Telnyx(api_key="YOUR_API_KEY", base_url=SIMULATOR + "/v2")
for template in quickstart.verify_profiles.retrieve_templates().data:
    assert "{{code}}" in template.text, template
created = quickstart.verify_profiles.create(
    name="foobar-en-v1",
    language="en-US",
    sms={
        "messaging_template_id": "0abb5b4f-459f-445a-bfcd-488998b7572d",
        "whitelisted_destinations": ["US", "CA"],
        "default_timeout_secs": 300,
        "code_length": 5,
    },
    call={"default_timeout_secs": 600},
).data
assert created.name == "foobar-en-v1" and created.call.default_verification_timeout_secs == 600, created
trigger = quickstart.verifications
for send in (trigger.trigger_sms, trigger.trigger_call, trigger.trigger_flashcall):
    send(phone_number="+13035551234", verify_profile_id=QUICKSTART)
    checked = quickstart.verifications.by_phone_number.actions.verify(
        "+13035551234", code=code(), verify_profile_id=QUICKSTART
    ).data
    assert checked.response_code == "accepted", checked
# Webhooks: the SDK accepts the signature and reads the event, and refuses a changed body. The log has the delivery.
received = queue.Queue()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        received.put((body, dict(self.headers.items())))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
profiles.update(profile.id, webhook_url=f"http://127.0.0.1:{server.server_port}/webhooks")
public_key, other_key = (json.loads(control("/keys?key=" + of))[0]["public_key"] for of in (KEY, "KEY-other"))
sent = verifications.trigger_sms(phone_number="+13035550127", verify_profile_id=profile.id).data
for event_type, status in (("verify.sent", "sent"), ("verify.failed", "delivery_failed")):
    body, headers = received.get(timeout=30)
    event = client.webhooks.unwrap(body, headers=headers, key=public_key)
    assert (event.data.event_type, event.data.payload["delivery_status"]) == (event_type, status), event
    assert event.data.payload["id"] == sent.id, event
    for changed, key in ((body.replace("failed", "passed"), public_key), (body, other_key)):
        try:
            client.webhooks.unwrap(changed, headers=headers, key=key)
            raise AssertionError("a false signature was accepted")
        except ValueError:
            pass
    control("/clock/advance", {"seconds": 1})
control(f"/webhooks?verification_id={sent.id}&event_type=verify.failed&status=delivered&wait=30s")
log = list(client.webhook_deliveries.list(filter={"webhook": {"contains": sent.id}}))
assert [item.webhook.event_type for item in log] == ["verify.failed", "verify.sent"], log
assert log[0].status == "delivered" and log[0].attempts[0].http.response.status == 200, log
assert client.webhook_deliveries.retrieve(log[0].id).data.webhook.payload["id"] == sent.id
server.shutdown()

print("python: telnyx", telnyx.__version__, "went through the quickstart")
