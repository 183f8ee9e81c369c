"""Makes calls, and compares their results with the expected ones."""

import base64

import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from google.rpc import error_details_pb2  # noqa: F401: makes the types of details known
from grpc_status import rpc_status

# Registers the messages of the contract.
from verify.v1 import profile_service_pb2, template_service_pb2, verification_service_pb2  # noqa: F401

POOL = descriptor_pool.Default()


def as_json(message) -> dict:
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def subset(expected, found, path: str) -> None:
    """Fails unless every expected value is found. "*" matches every value."""
    if isinstance(expected, dict):
        assert isinstance(found, dict), f"{path} is {found!r}"
        for name, value in expected.items():
            subset(value, found.get(name), f"{path}.{name}")
    elif isinstance(expected, list):
        assert isinstance(found, list) and len(found) == len(expected), f"{path} is {found!r}"
        for at, value in enumerate(expected):
            subset(value, found[at], f"{path}[{at}]")
    else:
        assert found == expected or (expected == "*" and found is not None), f"{path} is {found!r}, not {expected!r}"


class Calls:
    def __init__(self, channel: grpc.Channel, reasons: set[str]):
        self.channel, self.reasons = channel, reasons

    def make(self, step: dict, saved: dict) -> None:
        self.begin(step, saved)[1]()

    def begin(self, step: dict, saved: dict):
        """Starts a call. Returns it, and a function that waits for its result and compares it."""
        service, method = step["call"].split("/")
        try:
            found = POOL.FindServiceByName(service).FindMethodByName(method)
        except KeyError:
            found = None
        response = message_factory.GetMessageClass(found.output_type) if found else None
        if "raw" in step:
            request, serialize = base64.b64decode(step["raw"]), None
        else:
            kind = message_factory.GetMessageClass(found.input_type)
            request, serialize = json_format.ParseDict(step["request"], kind()), kind.SerializeToString
        call = self.channel.unary_unary(f"/{step['call']}", serialize, response.FromString if response else None)
        token = step.get("token", "demo")
        metadata = [("authorization", f"Bearer {token}")] if token else []
        for name, value in step.get("metadata", {}).items():
            metadata.append((name, base64.b64decode(value) if name.endswith("-bin") else value))
        running = call.future(
            request,
            timeout=step["deadline_ms"] / 1000 if "deadline_ms" in step else None,
            metadata=metadata,
            compression=grpc.Compression.Gzip if step.get("compression") == "gzip" else None,
        )
        return running, lambda: self.compare(step, saved, running)

    def compare(self, step: dict, saved: dict, running) -> None:
        expect = step["expect"]
        code = running.code()
        assert expect["code"] == "*" or code.name in expect["code"].split(" or "), f"{step['call']} ended with {code.name}: {running.details()}"
        if "message" in expect:
            assert running.details() == expect["message"], running.details()
        metadata = [*(running.initial_metadata() or ()), *(running.trailing_metadata() or ())]
        for name, value in expect.get("metadata", {}).items():
            found = [one for key, one in metadata if key == name]
            assert len(found) == 1 and value in (found[0], "*"), f"{name} is {found}"
        self.details(expect, running)
        if code is grpc.StatusCode.OK:
            found = as_json(running.result()) if "response" in expect or "save" in expect else None
            subset(expect.get("response", {}), found or {}, "response")
            size = running.result().ByteSize()
            assert size >= expect.get("at_least_bytes", 0), f"the response has only {size} bytes"
            for name, path in expect.get("save", {}).items():
                value = found
                for part in path.split("."):
                    value = value[part]
                saved[name] = value

    def details(self, expect: dict, running) -> None:
        status = rpc_status.from_call(running)
        found: dict[str, dict] = {}
        for packed in status.details if status else ():
            kind = message_factory.GetMessageClass(POOL.FindMessageTypeByName(packed.TypeName()))
            detail = kind()
            assert packed.Unpack(detail)
            assert kind.DESCRIPTOR.name not in found, f"{kind.DESCRIPTOR.name} is there twice"
            found[kind.DESCRIPTOR.name] = as_json(detail)
        if "ErrorInfo" in found:
            self.reasons.add(found["ErrorInfo"]["reason"])
        for name, expected in expect.get("details", {}).items():
            subset(expected, found.get(name), name)
