"""Signs webhooks with PyNaCl, which Telnyx's SDK verifies with: the SDK and the gateway accept them, and no other."""

import base64
import json
import os
import time
import urllib.error
import urllib.request
import uuid

import telnyx
from nacl.signing import SigningKey

URL, SEED = os.environ["WEBHOOKS"], base64.b64decode(os.environ["WEBHOOK_KEY"])
signer = SigningKey(SEED)
public_key = base64.b64encode(bytes(signer.verify_key)).decode()
client = telnyx.Telnyx(api_key="KEY-python")


def post(body: bytes, headers: dict) -> int:
    request = urllib.request.Request(URL, body, headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code


for text in ("plain", "ünïcode ✓", "x" * 20_000):
    payload = {"id": str(uuid.uuid4()), "delivery_status": "sent", "profile_id": text}
    event = {"event_type": "verify.sent", "id": str(uuid.uuid4()), "record_type": "event", "payload": payload}
    body = json.dumps({"data": event}, ensure_ascii=False).encode()
    at = str(int(time.time()))
    signature = base64.b64encode(signer.sign(f"{at}|".encode() + body).signature).decode()
    headers = {"telnyx-timestamp": at, "telnyx-signature-ed25519": signature}
    assert client.webhooks.unwrap(body.decode(), headers=headers, key=public_key).data.id == event["id"]
    assert post(body, headers) == 200, text
    assert post(body + b" ", headers) == 401
    late = str(int(time.time()) - 400)
    signature = base64.b64encode(signer.sign(f"{late}|".encode() + body).signature).decode()
    assert post(body, {"telnyx-timestamp": late, "telnyx-signature-ed25519": signature}) == 401

print("python: the gateway takes what PyNaCl signs and telnyx", telnyx.__version__, "accepts")
