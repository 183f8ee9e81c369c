"""Plays the steps of a case."""

import json
import os
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote
from urllib.request import Request, urlopen

import grpc
from calls import Calls
from google.protobuf import descriptor_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase


def control(path: str, method: str = "GET", body: dict | None = None) -> str:
    """Calls the simulator's control API."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(f"{os.environ['SIMULATOR']}/_simulator{path}", data, {"content-type": "application/json"}, method=method)
    with urlopen(request) as answer:
        return answer.read().decode().strip()


class Player:
    def __init__(self, case: dict, reasons: set[str]):
        # Faults that a failed case left behind.
        control("/faults", "DELETE")
        self.channel = connect(case)
        self.calls = Calls(self.channel, reasons)
        self.saved: dict[str, str] = {}
        self.background = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def expanded(self, step: dict) -> dict:
        """Replaces ${…} by a saved value, a new UUID, or a number of letters."""

        def value(found: re.Match) -> str:
            name = found[1]
            if name == "uuid":
                return str(uuid.uuid4())
            return "x" * int(name) if name.isdigit() else self.saved[name]

        return json.loads(re.sub(r"\$\{(\w+)\}", value, json.dumps(step)))

    def play(self, unexpanded: dict) -> None:
        step = self.expanded(unexpanded)
        match step:
            case {"fault": fault}:
                control("/faults", "POST", fault)
            case {"faults_used": _}:
                # Proves that the calls have reached the simulator.
                end = time.monotonic() + 10
                while control("/faults") != "[]":
                    assert time.monotonic() < end, "a fault was not met"
                    time.sleep(0.005)
            case {"code_of": phone}:
                self.saved[step["save"]] = control(f"/messages/latest/code?phone={quote(phone)}")
            case {"new_uuid": name}:
                self.saved[name] = str(uuid.uuid4())
            case {"outbox": phone}:
                sent = json.loads(control(f"/messages?phone={quote(phone)}"))
                assert len(sent) == step["messages"], f"{len(sent)} messages were sent"
            case {"health": states}:
                health = health_pb2_grpc.HealthStub(self.channel)
                for service, state in states.items():
                    answer = health.Check(health_pb2.HealthCheckRequest(service=service))
                    assert health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status) == state, service
            case {"reflection": services}:
                self.reflect(services)
            case {"cancel": _}:
                running, end = self.background
                running.cancel()
                end()
            case {"join": _}:
                self.background[1]()
            case {"background": _}:
                self.background = self.calls.begin(step, self.saved)
            case {"for_ms": duration}:
                end = time.monotonic() + duration / 1000
                while time.monotonic() < end:
                    self.calls.make(step, self.saved)
            case {"times": times, "at_once": at_once}:
                steps = [self.expanded(unexpanded) for _ in range(times)]
                with ThreadPoolExecutor(at_once) as pool:
                    list(pool.map(lambda one: self.calls.make(one, self.saved), steps))
            case _:
                self.calls.make(step, self.saved)

    def reflect(self, services: list[str]) -> None:
        """Expects these services to be listed and described."""
        database = ProtoReflectionDescriptorDatabase(self.channel)
        listed = database.get_services()
        for service in services:
            assert service in listed, f"{service} is not among {listed}"
            file: descriptor_pb2.FileDescriptorProto = database.FindFileContainingSymbol(service)
            assert service in [f"{file.package}.{one.name}" for one in file.service]


def connect(case: dict) -> grpc.Channel:
    address = json.loads(os.environ["GATEWAYS"])[case.get("gateway", "dev")]
    # A subchannel pool of its own, because grpcio shares connections between channels with the same arguments.
    options = [("grpc.use_local_subchannel_pool", 1)]
    if config := case.get("service_config"):
        options.append(("grpc.service_config", Path(os.environ["SERVICE_CONFIGS"], config).read_text()))
    tls = case.get("tls")
    if not tls:
        return grpc.insecure_channel(address, options)
    read = lambda name: Path(os.environ["CERTIFICATES"], name).read_bytes()
    own = tls.get("certificate")
    key, certificate = (read(f"{own}-key.pem"), read(f"{own}.pem")) if own else (None, None)
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(read(f"{tls['ca']}.pem"), key, certificate), options)
