"""Is the person at this phone? The service's part of it.

Cancelling the task, say because the page was closed, ends the call that is under way.
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
        # Only ACCEPTED lets the person in, whatever other outcomes there may be one day.
        if outcome != pb.CHECK_OUTCOME_REJECTED:
            return outcome == pb.CHECK_OUTCOME_ACCEPTED


async def send(service: VerificationServiceStub, phone: str, profile: str) -> pb.Verification:
    """Sends a code once, however often it has to ask. The person waits for half a minute at most."""
    end = asyncio.get_running_loop().time() + 30
    request = pb.CreateVerificationRequest(
        # Names this intent: with the same name, every further try is the same message.
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
            print(f"once more in {wait:g} s: {reason(error)}")
            await asyncio.sleep(wait)


async def check(service: VerificationServiceStub, verification: str, code: str) -> pb.CheckOutcome:
    """Never asks twice: a check that may have been made has spent one of the person's few tries."""
    request = pb.CheckVerificationRequest(verification_id=verification, code=code)
    return (await service.CheckVerification(request, timeout=12)).outcome
