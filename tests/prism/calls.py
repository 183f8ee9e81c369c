"""Calls every RPC until Prism has answered ANSWERS times. Fails if an answer was not read."""

import os
import re
import sys
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from uuid import uuid4

import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from google.rpc import error_details_pb2
from grpc_status import rpc_status

# Registers the messages of the contract.
from verify.v1 import profile_service_pb2, template_service_pb2, verification_service_pb2  # noqa: F401

POOL = descriptor_pool.Default()
CHANNELS = ["CHANNEL_SMS", "CHANNEL_CALL", "CHANNEL_FLASHCALL", "CHANNEL_WHATSAPP", "CHANNEL_DTMF_CONFIRM"]
BLOCK = {"app_name": "Acme", "code_length": 6, "default_timeout": "120s", "allowed_destinations": ["US"]}


def round_of_calls(number: int) -> list[tuple[str, dict]]:
    """Every RPC in each of its forms. Each number has a phone of its own."""
    phone = f"+1303{2_000_000 + number:07}"
    profile, some = str(uuid4()), str(uuid4())
    full = {
        "name": f"profile {number}",
        "language": "en-US",
        "webhook_url": "https://example.com/hook",
        "sms": BLOCK | {"alpha_sender": "Acme"},
        "call": BLOCK,
    }
    sends = [{"phone_number": phone, "profile_id": profile, "channel": channel} for channel in CHANNELS]
    return [
        *(("VerificationService/CreateVerification", send) for send in sends[number % 5 :: 5]),
        ("VerificationService/GetVerification", {"verification_id": some}),
        ("VerificationService/ListVerifications", {"phone_number": phone}),
        ("VerificationService/CheckVerification", {"verification_id": some, "code": "12345"}),
        ("VerificationService/CheckVerification", {"phone_number": phone, "profile_id": profile, "code": "12345"}),
        ("VerificationService/ReportVerification", {"verification_id": some, "outcome": "REPORTED_OUTCOME_ACCEPTED"}),
        ("ProfileService/CreateProfile", {"profile": full}),
        ("ProfileService/GetProfile", {"profile_id": some}),
        ("ProfileService/ListProfiles", {"page_size": 1 + number % 50}),
        ("ProfileService/UpdateProfile", {"profile": full | {"id": some}, "update_mask": "name,sms,call.codeLength"}),
        ("ProfileService/DeleteProfile", {"profile_id": some}),
        ("TemplateService/ListTemplates", {}),
        ("TemplateService/CreateTemplate", {"text": f"{{{{code}}}} {number}"}),
        ("TemplateService/UpdateTemplate", {"template_id": some, "text": "{{code}}"}),
    ]


def call(channel: grpc.Channel, name: str, request: dict) -> str:
    """Makes a call. Returns what went wrong, or nothing."""
    service, method = f"verify.v1.{name}".split("/")
    found = POOL.FindServiceByName(service).FindMethodByName(method)
    kind, response = (message_factory.GetMessageClass(one) for one in (found.input_type, found.output_type))
    made = channel.unary_unary(f"/{service}/{method}", kind.SerializeToString, response.FromString)
    try:
        answer = made(json_format.ParseDict(request, kind()), metadata=[("authorization", "Bearer full")], timeout=30)
        # Every time and duration must have a form in JSON.
        json_format.MessageToDict(answer)
        return ""
    except grpc.RpcError as error:
        info = error_details_pb2.ErrorInfo()
        details = rpc_status.from_call(error)
        reasons = [info.reason for one in (details.details if details else []) if one.Unpack(info)]
        return f"{error.code().name} {reasons} {error.details()}"
    except ValueError as error:
        return f"the answer has no JSON: {error}"


def answers() -> Counter:
    """How many answers the gateway got from Prism, by their status or the failure."""
    with urllib.request.urlopen(f"http://{os.environ['ADMIN']}/metrics") as page:
        text = page.read().decode()
    found = Counter()
    for labels, value in re.findall(r"^http_client_request_duration_seconds_count\{(.*)\} (\d+)$", text, re.M):
        status = re.search(r'http_response_status_code="(\d+)"', labels) or re.search(r'error_type="(\w+)"', labels)
        found[status[1]] += int(value)
    return found


def main() -> None:
    wanted, failures, calls = int(os.environ["ANSWERS"]), Counter(), Counter()
    with grpc.insecure_channel(os.environ["GATEWAY"]) as channel, ThreadPoolExecutor(8) as threads:
        for number in count():
            if answers().total() >= wanted:
                break
            round_ = round_of_calls(number)
            for (name, _), failure in zip(round_, threads.map(lambda one: call(channel, *one), round_)):
                calls[name] += 1
                if failure:
                    failures[f"{name}: {failure}"] += 1
    rpcs = sum(len(POOL.FindServiceByName(service).methods) for service in {f"verify.v1.{name.split('/')[0]}" for name in calls})
    assert len(calls) == rpcs, f"{len(calls)} of {rpcs} RPCs were called"
    print(f"{calls.total()} calls of {rpcs} RPCs, answers by status: {dict(answers())}")
    for failure, times in failures.most_common():
        print(f"{times} times {failure}")
    sys.exit(bool(failures))


main()
