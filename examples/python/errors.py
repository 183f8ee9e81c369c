"""How a client handles the gateway's errors."""

import random

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status


def detail(error: grpc.RpcError, kind):
    """The error detail of this type, or an empty one."""
    found = kind()
    status = rpc_status.from_call(error)
    for packed in status.details if status else ():
        if packed.Is(kind.DESCRIPTOR):
            packed.Unpack(found)
    return found


def reason(error: grpc.RpcError) -> str:
    """The name of the error in the enum ErrorReason, without its prefix.

    Empty if the error does not come from the gateway.
    """
    return detail(error, error_details_pb2.ErrorInfo).reason


def retry_delay(error: grpc.RpcError) -> float | None:
    """The seconds that the gateway asks the client to wait."""
    retry = detail(error, error_details_pb2.RetryInfo)
    return retry.retry_delay.ToTimedelta().total_seconds() if retry.HasField("retry_delay") else None


def try_again(error: grpc.RpcError) -> float | None:
    """The seconds to wait before a call with a request_id is repeated; None if a repetition does not help."""
    # The gateway's own advice comes first.
    if (delay := retry_delay(error)) is not None:
        return delay
    # The send may have happened. A call with the same request_id returns its outcome.
    if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        return 1
    return 1 if reason(error) == "SEND_OUTCOME_UNKNOWN" else None


def open_again(error: grpc.RpcError, failures: int) -> float | None:
    """The seconds to wait before a stream is opened again, after so many failures in a row; None if that does not help."""
    final = (
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.UNIMPLEMENTED,
    )
    if error.code() in final:
        return None
    # With STREAM_ENDED the gateway asks for no wait.
    if (delay := retry_delay(error)) is not None:
        return delay
    # Exponential backoff. The jitter keeps clients from coming back all at once.
    return min(30, 2**failures) * random.uniform(0.5, 1)


def explain(error: grpc.RpcError) -> str:
    """A text for the person who verifies a phone, or for the log."""
    match reason(error):
        case "INVALID_REQUEST" | "UPSTREAM_INVALID_REQUEST":
            violations = detail(error, error_details_pb2.BadRequest).field_violations
            return "please correct: " + " ".join(f"{one.field} {one.description}." for one in violations)
        case "COUNTRY_NOT_ALLOWED" | "DESTINATION_NOT_ENABLED" | "TRAFFIC_BLOCKED":
            return "this number can't get a code: please give another one"
        case "VERIFICATION_NOT_FOUND":
            return "the code is used up: please request a new one"
        case "SEND_OUTCOME_UNKNOWN":
            return "a message may be on its way: please wait for it before you request another one"
    if (delay := retry_delay(error)) is not None:
        return f"please try again in {delay:g} s"
    call = detail(error, error_details_pb2.RequestInfo).request_id
    return f"please try again later ({error.code().name}: {error.details()}, call {call})"
