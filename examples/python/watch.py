"""Watches what happens to the verifications of the tenant, through restarts of gateways and lost connections."""

import asyncio
from collections.abc import Callable

import grpc
from errors import open_again, reason
from verify.v1 import event_service_pb2 as pb
from verify.v1.event_service_pb2_grpc import EventServiceStub


async def watch(service: EventServiceStub, handle: Callable[[pb.VerificationEvent], None]) -> None:
    """Calls `handle` for each event, in their order. After a restart an event may come again, with the same event_id.

    Ends with an error only if it does not help to open the stream again.
    """
    resume_token, failures = "", 0
    while True:
        try:
            # Has no deadline. A heartbeat comes every 20 seconds.
            async for message in service.StreamEvents(pb.StreamEventsRequest(resume_token=resume_token)):
                failures = 0
                if message.HasField("event"):
                    handle(message.event)
                elif message.HasField("snapshot"):
                    print("watching")
                # To go on after a restart of this program, keep the token with what `handle` has done.
                resume_token = message.resume_token
        except grpc.RpcError as error:
            wait = open_again(error, failures)
            if wait is None:
                raise
            print(f"opening again in {wait:.1f} s: {reason(error) or error.code().name}")
            if reason(error) == "RESUME_TOKEN_EXPIRED":
                # Events are lost. Read the verifications that matter.
                resume_token = ""
            failures += 1
            await asyncio.sleep(wait)
