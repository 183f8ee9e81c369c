"""What to do about the gateway's errors."""

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status


def detail(error: grpc.RpcError, kind):
    """The detail of this type; an empty one where there is none."""
    found = kind()
    status = rpc_status.from_call(error)
    for packed in status.details if status else ():
        if packed.Is(kind.DESCRIPTOR):
            packed.Unpack(found)
    return found


def reason(error: grpc.RpcError) -> str:
    """What the gateway calls it: a name of the enum ErrorReason without its prefix.

    Empty where the gateway never heard of the call.
    """
    return detail(error, error_details_pb2.ErrorInfo).reason


def retry_delay(error: grpc.RpcError) -> float | None:
    """The seconds to wait, where the gateway says how long."""
    retry = detail(error, error_details_pb2.RetryInfo)
    return retry.retry_delay.ToTimedelta().total_seconds() if retry.HasField("retry_delay") else None


def try_again(error: grpc.RpcError) -> float | None:
    """After how many seconds a call with a request_id may be made again; None where that does not help."""
    # The gateway knows best where it says how long to wait.
    if (delay := retry_delay(error)) is not None:
        return delay
    # The connection broke, or the answer took too long: it may have been sent. Asking again finds out.
    if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        return 1
    return 1 if reason(error) == "SEND_OUTCOME_UNKNOWN" else None


def explain(error: grpc.RpcError) -> str:
    """What to say to the person, or to whoever reads the log."""
    match reason(error):
        case "INVALID_REQUEST" | "UPSTREAM_INVALID_REQUEST":
            violations = detail(error, error_details_pb2.BadRequest).field_violations
            return "please correct: " + " ".join(f"{one.field} {one.description}." for one in violations)
        case "COUNTRY_NOT_ALLOWED" | "DESTINATION_NOT_ENABLED" | "TRAFFIC_BLOCKED":
            return "this number can't get a code: please give another one"
        case "VERIFICATION_NOT_FOUND":
            return "the code is used up: please ask for a new one"
        case "SEND_OUTCOME_UNKNOWN":
            return "a message may be on its way: please wait for it before asking for another"
    if (delay := retry_delay(error)) is not None:
        return f"please try again in {delay:g} s"
    call = detail(error, error_details_pb2.RequestInfo).request_id
    return f"please try again later ({error.code().name}: {error.details()}, call {call})"
