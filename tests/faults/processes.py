"""The processes of a world: the origin, gateways and a Redis server. Each is a child of the driver and ends by its number."""

import asyncio
import hashlib
import json
import signal
import socket
import sys
from pathlib import Path

import plan

HERE = Path(__file__).parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def listens(port: int, child) -> None:
    for _ in range(400):
        if child.returncode is not None:
            raise RuntimeError(f"a process ended with {child.returncode} before it listened")
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        except OSError:
            await asyncio.sleep(0.025)
    raise RuntimeError(f"nothing listens on port {port}")


class Process:
    """A child that can be killed and started again on the same port."""

    def __init__(self, command: list[str], port: int, log: Path):
        self.command, self.port, self.log, self.child = command, port, log, None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.child = await asyncio.create_subprocess_exec(*self.command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=log)
        await listens(self.port, self.child)

    def kill(self) -> None:
        if self.child and self.child.returncode is None:
            self.child.kill()

    def signal(self, number: int) -> None:
        self.child.send_signal(number)


class Origin:
    """The origin, with the connection for the driver."""

    def __init__(self, seed: str, world: plan.World):
        self.arguments = [seed, str(world.number), json.dumps(world.traits)]
        self.events: list[dict] = []
        self.turn = asyncio.Lock()

    async def start(self) -> None:
        self.child = await asyncio.create_subprocess_exec(sys.executable, str(HERE / "origin.py"), *self.arguments, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE)
        self.port, control = map(int, (await self.child.stdout.readline()).split())
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", control, limit=1 << 28)

    async def command(self, **command):
        self.writer.write(json.dumps(command).encode() + b"\n")
        return json.loads(await self.reader.readline())

    async def refresh(self) -> list[dict]:
        """All events so far."""
        async with self.turn:
            self.events += await self.command(events_from=len(self.events))
        return self.events

    async def do(self, **command) -> None:
        async with self.turn:
            await self.command(**command)

    def kill(self) -> None:
        if self.child.returncode is None:
            self.child.kill()


def redis(program: str, world: plan.World, folder: Path) -> Process:
    port = free_port()
    durable = ["--appendonly", "yes", "--appendfsync", "always"] if world.is_durable else []
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder), "--loglevel", "warning", *durable]
    return Process(command, port, folder / "redis.log")


def gateway(binary: str, number: int, world: plan.World, folder: Path, origin: int, store: int | None) -> Process:
    port = free_port()
    settings = {
        "grpc.listen": f"127.0.0.1:{port}",
        "grpc.plaintext": True,
        "admin.listen": "",
        "tenants.file": str(folder / "tenants.json"),
        "upstream.base_url": f"http://127.0.0.1:{origin}/v2",
        "upstream.connect_timeout": "300ms",
        "upstream.attempt_timeout": seconds(plan.ATTEMPT_TIMEOUT),
        # By its trace a request names the operation that caused it. Only recorded calls have one.
        "upstream.propagate_trace": True,
        "telemetry.console_traces": True,
        "telemetry.log.level": "warn",
        "telemetry.log.audit": False,
        "upstream.retry.budget.per_second": 10000,
        "upstream.breaker.consecutive_failures": 0,
        "upstream.breaker.min_success_ratio": 0,
        "upstream.breaker.open_for": "500ms",
        "sends.settle_window": seconds(plan.SETTLE_WINDOW),
        "sends.clock_skew": seconds(plan.CLOCK_SKEW),
        **world.settings,
    }
    if store:
        key = folder / "hash_key"
        key.write_text("a key that all gateways of a world share\n")
        settings |= {"store.backend": "redis", "store.redis.url": f"redis://127.0.0.1:{store}", "store.redis.hash_key_file": str(key)}
    (folder / "tenants.json").write_text(json.dumps(tenants()))
    config = folder / f"gateway-{number}.json"
    config.write_text(json.dumps(nested(settings)))
    return Process([binary, "serve", "--config", str(config)], port, folder / f"gateway-{number}.log")


def seconds(value: float) -> str:
    return f"{round(value * 1000)}ms"


def nested(settings: dict) -> dict:
    found: dict = {}
    for path, value in settings.items():
        *sections, name = path.split(".")
        section = found
        for one in sections:
            section = section.setdefault(one, {})
        section[name] = value
    return found


def tenants() -> dict:
    off = {"mode": "off"}
    identity = lambda token: {
        "name": "service", "tokens": [f"sha256:{hashlib.sha256(token.encode()).hexdigest()}"],
        "roles": ["admin"], "channels": "any", "countries": "any", "profiles": "any",
    }  # fmt: skip
    limits = {"sends_per_phone_number": off, "checks_per_verification": off, "guesses_per_phone_number": off}
    tenant = lambda name, key: {"id": name, "telnyx_api_key": {"inline": key}, "identities": [identity(name)], "limits": limits}
    found = [tenant(name, key) for name, key in plan.TENANTS.items()]
    found[-1]["duplicate_window"] = f"{plan.DUPLICATE_WINDOW}s"
    return {"tenants": found}


async def happen(event: tuple, gateways: list[Process], store: Process | None, record) -> None:
    """What happens to a process: it is killed and starts again, or it is paused."""
    _, what, which, length = event
    process, name = (gateways[which % len(gateways)], f"gateway {which % len(gateways)}") if what == "kill" else (store, "the Redis server")
    if what == "pause":
        record(f"{name} is paused for {length:.1f} s")
        process.signal(signal.SIGSTOP)
        await asyncio.sleep(length)
        process.signal(signal.SIGCONT)
    else:
        process.kill()
        await process.child.wait()
        record(f"{name} is killed")
        await asyncio.sleep(length)
        await process.start()
        record(f"{name} is started")
