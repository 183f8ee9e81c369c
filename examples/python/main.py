"""An example of a service that sends a code to a phone and checks it.

phone.py makes the calls, watch.py shows what happens to them, errors.py handles the errors, and this file connects.
"""

import asyncio
import os
import sys
import uuid
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

sys.path.append(str(Path(__file__).parent / "gen"))

import grpc
from errors import explain
from phone import verify_phone
from verify.v1 import event_service_pb2, profile_service_pb2 as pb
from verify.v1.event_service_pb2_grpc import EventServiceStub
from verify.v1.profile_service_pb2_grpc import ProfileServiceStub
from verify.v1.verification_service_pb2_grpc import VerificationServiceStub
from watch import watch

GATEWAY = os.environ.get("GATEWAY", "127.0.0.1:50051")
SIMULATOR = os.environ.get("SIMULATOR", "http://127.0.0.1:4010")
TOKEN = os.environ.get("TOKEN", "demo")


def with_token(details):
    # Other interceptors may keep the original.
    metadata = grpc.aio.Metadata(*(details.metadata or ()), ("authorization", f"Bearer {TOKEN}"))
    return details._replace(metadata=metadata)


class CallToken(grpc.aio.UnaryUnaryClientInterceptor):
    """Sends the token with every call."""

    async def intercept_unary_unary(self, continuation, details, request):
        return await continuation(with_token(details), request)


class StreamToken(grpc.aio.UnaryStreamClientInterceptor):
    """Sends the token with every stream."""

    async def intercept_unary_stream(self, continuation, details, request):
        return await continuation(with_token(details), request)


OPTIONS = [
    # What to retry, how to balance, and that calls wait while no gateway is ready.
    ("grpc.service_config", Path("service-config.json").read_text()),
    # While calls run, a gateway that is gone is noticed after 40 seconds at most.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
]
INTERCEPTORS = [CallToken(), StreamToken()]


def connect() -> grpc.aio.Channel:
    """One channel serves the whole program. It connects on the first call and reconnects if a connection breaks."""
    if "CA_FILE" in os.environ:
        tls = grpc.ssl_channel_credentials(Path(os.environ["CA_FILE"]).read_bytes())
        return grpc.aio.secure_channel(GATEWAY, tls, OPTIONS, interceptors=INTERCEPTORS)
    # `verify-gateway dev` uses plaintext.
    return grpc.aio.insecure_channel(GATEWAY, OPTIONS, interceptors=INTERCEPTORS)


async def typed_code(phone: str, attempt: int) -> str:
    """Stands for the person, who types a wrong code first.

    With `verify-gateway dev` there is no phone, so it reads the code from the simulator.
    """
    if attempt == 1:
        return "0000"
    url = f"{SIMULATOR}/_simulator/messages/latest/code?phone={quote(phone)}"
    with await asyncio.to_thread(urlopen, url) as answer:
        return answer.read().decode().strip()


def show(event: event_service_pb2.VerificationEvent) -> None:
    print(event.verification_id, event_service_pb2.EventType.Name(event.type))


async def main() -> bool:
    async with connect() as channel:
        if sys.argv[1:] == ["watch"]:
            await watch(EventServiceStub(channel), show)
        profiles, verifications = ProfileServiceStub(channel), VerificationServiceStub(channel)
        new = pb.Profile(name="example", sms=pb.SmsSettings(app_name="Acme"))
        request = pb.CreateProfileRequest(request_id=str(uuid.uuid4()), profile=new)
        profile = (await profiles.CreateProfile(request, timeout=12)).profile.id
        print("profile:", profile)
        verified = False
        # First a mistyped number, then the right one.
        for phone in ("+1303555", os.environ.get("PHONE", "+13035551234")):
            try:
                verified = await verify_phone(verifications, phone, profile, typed_code)
            except grpc.RpcError as error:
                print(explain(error))
        return verified


if __name__ == "__main__":
    try:
        sys.exit(not asyncio.run(main()))
    except grpc.RpcError as error:
        sys.exit(explain(error))
