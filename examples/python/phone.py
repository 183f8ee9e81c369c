"""Sends a code to a phone and checks it.

Cancelling the task, for example because the page was closed, cancels the running call.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable

import grpc
from errors import reason, try_again
from verify.v1 import verification_service_pb2 as pb
from verify.v1.verification_service_pb2_grpc import VerificationServiceStub


async def verify_phone(
    service: VerificationServiceStub, phone: str, profile: str, typed_code: Callable[[str, int], Awaitable[str]]
) -> bool:
    sent = await send(service, phone, profile)
    print("sent:", sent.id, pb.VerificationState.Name(sent.state))
    attempt = 0
    while True:
        attempt += 1
        outcome = await check(service, sent.id, await typed_code(phone, attempt))
        print("checked:", pb.CheckOutcome.Name(outcome))
        # Only ACCEPTED proves the phone number. Later versions may add outcomes.
        if outcome != pb.CHECK_OUTCOME_REJECTED:
            return outcome == pb.CHECK_OUTCOME_ACCEPTED


async def send(service: VerificationServiceStub, phone: str, profile: str) -> pb.Verification:
    """Sends one message, even if it needs several calls. Gives up after 30 seconds."""
    end = asyncio.get_running_loop().time() + 30
    request = pb.CreateVerificationRequest(
        # All calls with the same request_id send one message.
        request_id=str(uuid.uuid4()),
        phone_number=phone,
        channel=pb.CHANNEL_SMS,
        profile_id=profile,
    )
    while True:
        left = end - asyncio.get_running_loop().time()
        try:
            return (await service.CreateVerification(request, timeout=min(12, left))).verification
        except grpc.RpcError as error:
            wait = try_again(error)
            if wait is None or asyncio.get_running_loop().time() + wait > end:
                raise
            print(f"retrying in {wait:g} s: {reason(error)}")
            await asyncio.sleep(wait)


async def check(service: VerificationServiceStub, verification: str, code: str) -> pb.CheckOutcome:
    """Is not repeated: a check whose answer is lost may have used one of the person's few attempts."""
    request = pb.CheckVerificationRequest(verification_id=verification, code=code)
    return (await service.CheckVerification(request, timeout=12)).outcome
