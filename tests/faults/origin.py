"""The faulty origin: a stand-in for the Telnyx Verify API that often answers badly, and keeps the truth.

    origin.py SEED WORLD TRAITS

It listens on two free ports of 127.0.0.1 and prints them: one for the API below /v2, and one for the driver. Each request
names the operation and the call that caused it in its `traceparent`: 16 hexadecimal digits for each. From the seed and the
operation follows which fault a request meets. The truth goes to the driver as events, one JSON object for each.
"""

import asyncio
import json
import random
import socket
import struct
import sys
import time
import uuid
from email.utils import formatdate
from urllib.parse import parse_qs, unquote, urlsplit

import kinds
from kinds import Answer

DEFAULT_TIMEOUT = 300
CHANNELS = ("sms", "call", "flashcall", "whatsapp")


class Connection:
    numbers = 0

    def __init__(self, reader, writer):
        Connection.numbers += 1
        self.number = Connection.numbers
        self.reader, self.writer = reader, writer
        self.open, self.drops_next, self.requests = True, False, 0

    async def send(self, data: bytes) -> None:
        if self.open:
            self.writer.write(data)
            try:
                await self.writer.drain()
            except OSError:
                self.open = False

    def close(self) -> None:
        self.open = False
        self.writer.close()

    def reset(self) -> None:
        self.open = False
        connection = self.writer.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def half_close(self) -> None:
        if self.writer.can_write_eof():
            self.writer.write_eof()
        self.open = False

    def write_and_close(self, data: bytes) -> None:
        self.writer.write(data)
        self.close()

    def later(self, delay: float, act) -> None:
        asyncio.get_running_loop().call_later(delay, act)


class Request:
    def __init__(self, head: bytes, body: bytes):
        lines = head.decode("latin-1").split("\r\n")
        self.method, target, _ = lines[0].split(" ", 2)
        url = urlsplit(target)
        self.path, self.query = url.path.removeprefix("/v2"), parse_qs(url.query)
        self.target = target
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        self.body = json.loads(body) if body else {}
        self.key = self.headers.get("authorization", "").removeprefix("Bearer ")
        trace = self.headers.get("traceparent", "").split("-")
        self.operation, self.call = (int(trace[1][:16], 16), int(trace[1][16:], 16)) if len(trace) == 4 else (0, 0)
        self.parts = [unquote(part) for part in self.path.strip("/").split("/")]

    @property
    def effect(self) -> str:
        if self.parts[0] != "verifications":
            return "profile"
        if self.method == "POST":
            return "check" if self.parts[-1] == "verify" else "send"
        return "list" if self.parts[1] == "by_phone_number" else "get"


class Origin:
    def __init__(self, seed: str, traits: dict):
        self.seed, self.traits = seed, traits
        self.verifications: dict[str, dict] = {}
        self.events: list[dict] = []
        self.counts: dict[tuple, int] = {}
        self.is_well = False

    def event(self, what: str, **fields) -> None:
        self.events.append({"at": time.time(), "what": what, **fields})

    def stamp(self, at: float | None = None) -> str:
        """A time by the clock of the origin, without a zone."""
        at = (time.time() if at is None else at) + self.traits["offset"]
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1e6):06}"

    # ---- which fault

    def draw(self, request: Request) -> tuple[str, str | None, str]:
        """The table and the name of the fault, and when the request takes effect."""
        effect = request.effect
        count = self.counts[request.operation, effect] = self.counts.get((request.operation, effect), 0) + 1
        if self.is_well:
            return "well", None, "after"
        lane = random.Random(f"{self.seed}/{request.operation // 100}")
        weather = lane.choice([0.15, 0.5, 0.5, 0.85])
        rng = random.Random(f"{self.seed}/{request.operation}/{effect}/{count}")
        share = {"send": weather, "check": weather, "list": weather * 0.4, "get": weather * 0.4, "profile": 0.1}[effect]
        if rng.random() >= share:
            return "well", None, "after"
        tables = {"send": "RLLLLLOO", "check": "RLLLLLOO", "list": "LLOOIII", "get": "RLLO", "profile": "LO"}[effect]
        table = {"R": "REFUSED", "L": "LOST", "O": "ODD", "I": "LIST"}[rng.choice(tables)]
        names = [name for name in getattr(kinds, table) if not (name == "404" and effect != "send" and effect != "check")]
        when = {"REFUSED": "before", "LOST": rng.choice(["before", "after", "after", "late"])}.get(table, "after")
        if effect not in ("send", "check") and table == "LOST":
            when = "after"
        return table, rng.choice(names), when

    # ---- the API

    def act(self, request: Request, as_number: bool = False) -> tuple[int, object]:
        block = {"code_length": 5, "default_verification_timeout_secs": DEFAULT_TIMEOUT}
        match request.method, request.parts:
            case "GET", ["verify_profiles"]:
                return 200, {"data": [], "meta": meta(1, 25, 0)}
            case "GET", ["verify_profiles", profile]:
                return 200, {"data": {"id": profile, "name": "p", **{one: block for one in CHANNELS}}}
            case "POST", ["verifications", channel] if channel in CHANNELS:
                return 200, {"data": self.show(self.send(request, channel, as_number))}
            case "GET", ["verifications", "by_phone_number", phone]:
                return self.list(request, phone)
            case "POST", ["verifications", "by_phone_number", phone, "actions", "verify"]:
                profile = request.body.get("verify_profile_id")
                return self.check(request, self.newest_pending(request.key, phone, profile))
            case "GET", ["verifications", id]:
                found = self.find(request.key, id)
                return (200, {"data": self.show(found)}) if found else missing()
            case "POST", ["verifications", id, "actions", "verify"]:
                return self.check(request, self.find(request.key, id))
        return missing()

    def find(self, key: str, id: str) -> dict | None:
        found = self.verifications.get(id.lower() if self.traits["any_case"] else id)
        return found if found and found["key"] == key else None

    def newest_pending(self, key: str, phone: str, profile: str) -> dict | None:
        found = [one for one in self.of(key, phone) if one["status"] == "pending" and one["profile"] == profile]
        return max(found, key=lambda one: one["created"], default=None)

    def of(self, key: str, phone: str) -> list[dict]:
        return [one for one in self.verifications.values() if one["key"] == key and one["phone"] == phone]

    def send(self, request: Request, channel: str, as_number: bool) -> dict:
        rng = random.Random(f"{self.seed}/message/{request.operation}/{request.call}/{len(self.verifications)}")
        body, now = request.body, time.time()
        id = str(rng.randrange(10**17, 10**18)) if as_number else str(uuid.UUID(int=rng.getrandbits(128), version=4))
        delay = rng.choice([0, 0, 0, rng.uniform(0.2, 1)])
        one = {
            "id": id,
            "key": request.key,
            "operation": request.operation,
            "call": request.call,
            "phone": body["phone_number"],
            "profile": body["verify_profile_id"],
            "channel": channel,
            "timeout": body.get("timeout_secs"),
            "custom_code": body.get("custom_code"),
            "code": body.get("custom_code") or f"{rng.randrange(100000):05}",
            "created": now,
            "updated": now,
            "listed": now + delay,
            "status": "pending",
            "wrong": 0,
        }
        self.verifications[id] = one
        self.event("message", **{name: one[name] for name in ("id", "key", "operation", "call", "phone", "profile", "channel", "timeout", "custom_code", "code", "listed")})
        return one

    def show(self, one: dict, is_listed: bool = False) -> dict:
        id = int(one["id"]) if one["id"].isdigit() else one["id"]
        return {
            "id": id,
            "record_type": "verification",
            "type": one["channel"],
            "status": one["status"],
            "phone_number": one["phone"],
            "verify_profile_id": one["profile"],
            "timeout_secs": one["timeout"] or DEFAULT_TIMEOUT,
            "custom_code": one["custom_code"] if self.traits["echoes_code"] or not is_listed else None,
            "created_at": self.stamp(one["created"]),
            "updated_at": self.stamp(one["updated"]),
        }

    def list(self, request: Request, phone: str) -> tuple[int, object]:
        now = time.time()
        found = sorted((one for one in self.of(request.key, phone) if one["listed"] <= now), key=lambda one: -one["created"])
        if not found and self.traits["empty_is_404"]:
            return missing()
        size = min(int(request.query.get("page[size]", ["25"])[0]), self.traits["page_ceiling"])
        number = int(request.query.get("page[number]", ["1"])[0])
        page = found[(number - 1) * size : number * size]
        return 200, {"data": [self.show(one, is_listed=True) for one in page], "meta": meta(number, size, len(found))}

    def check(self, request: Request, one: dict | None) -> tuple[int, object]:
        code, status = request.body.get("code"), request.body.get("status")
        if one is None or one["status"] != "pending":
            self.event("checked", operation=request.operation, call=request.call, id=one and one["id"], result="missing", status=one and one["status"])
            return missing()
        if status and not one["custom_code"]:
            self.event("checked", operation=request.operation, call=request.call, id=one["id"], result="refused", status=one["status"])
            return 422, {"errors": [{"code": "10027", "title": "no custom code"}]}
        is_right = status == "accepted" if status else code == one["code"]
        if is_right or status:
            one["status"] = "accepted" if is_right else "invalid"
            one["updated"] = time.time()
        else:
            one["wrong"] += 1
            one["status"] = "invalid" if one["wrong"] >= 8 else "pending"
            if self.traits["wrong_updates"]:
                one["updated"] = time.time()
        result = "accepted" if is_right else "rejected"
        self.event("checked", operation=request.operation, call=request.call, id=one["id"], result=result, is_report=bool(status), status=one["status"])
        return 200, {"data": {"phone_number": one["phone"], "response_code": result}}

    def crowd(self, key: str, phone: str, profile: str, count: int) -> None:
        """Old verifications of a number."""
        for at in range(count):
            id, then = str(uuid.uuid4()), time.time() - 86400 - 60 * at
            self.verifications[id] = {"id": id, "key": key, "operation": 0, "call": 0, "phone": phone, "profile": profile, "channel": "sms", "timeout": None, "custom_code": None, "code": "-", "created": then, "updated": then, "listed": then, "status": "expired", "wrong": 0}

    # ---- a request

    async def handle(self, connection: Connection, request: Request) -> None:
        effect = request.effect
        table, name, when = self.draw(request)
        about = {"operation": request.operation, "call": request.call, "effect": effect}
        reused = connection.requests > 1
        if connection.drops_next:
            self.event("request", **about, fault="closed as it arrived", when="before", connection=connection.number, reused=reused)
            connection.close()
            return
        self.event("request", **about, fault=name or "none", when=when, connection=connection.number, reused=reused, path=request.path)
        if when == "late":
            # Within the settle window, with the delay of the list: see `plan.SETTLE_WINDOW`.
            delay = random.Random(f"{self.seed}/late/{request.operation}/{request.call}").uniform(0.1, 1.3)
            connection.later(delay, lambda: self.act(request))
        status, document = 200, phantom(request)
        if when == "after":
            status, document = self.act(request, as_number=effect == "send" and hash_of(request.operation) % 16 == 0)
        date = formatdate(time.time() + self.traits["offset"], usegmt=True)
        if table == "LIST" and status == 200:
            document = kinds.LIST[name](document)
        answer = Answer(status, json.dumps(document).encode(), date=date, path=request.target)
        if table in ("well", "LIST"):
            await connection.send(answer.whole())
        else:
            await getattr(kinds, table)[name](connection, answer)
        entries = len(document["data"]) if effect == "list" and isinstance(document.get("data"), list) else None
        self.event("answered", **about, fault=name or "none", status=status, entries=entries)

    async def serve(self, reader, writer) -> None:
        connection = Connection(reader, writer)
        if not self.is_well and random.random() < 0.01:
            return connection.reset()
        try:
            while connection.open:
                head = await reader.readuntil(b"\r\n\r\n")
                length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                body = await reader.readexactly(int(length[0].split(b":")[1])) if length else b""
                connection.requests += 1
                await self.handle(connection, Request(head[:-4], body))
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            if connection.open:
                connection.close()

    async def control(self, reader, writer) -> None:
        """A line with a JSON object for each command of the driver, and a line for each answer."""
        while line := await reader.readline():
            match json.loads(line):
                case {"events_from": start}:
                    answer = self.events[start:]
                case {"well": is_well}:
                    self.is_well, answer = is_well, None
                case {"crowd": [key, phone, profile, count]}:
                    answer = self.crowd(key, phone, profile, count)
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        # The driver has ended, so does the origin.
        asyncio.get_running_loop().stop()


def hash_of(number: int) -> int:
    return random.Random(number).getrandbits(16)


def meta(number: int, size: int, total: int) -> dict:
    return {"page_number": number, "page_size": size, "total_pages": -(-total // size), "total_results": total}


def missing() -> tuple[int, object]:
    return 404, {"errors": [{"code": "10005", "title": "Resource not found"}]}


def phantom(request: Request) -> object:
    """What a cut answer to a request without effect begins with."""
    if request.effect == "check":
        return {"data": {"phone_number": "+10000000000", "response_code": "accepted"}}
    return {"data": {"id": str(uuid.uuid4()), "record_type": "verification", "status": "pending", "phone_number": request.body.get("phone_number"), "timeout_secs": 300}}


async def main() -> None:
    seed, world, traits = sys.argv[1:]
    origin = Origin(f"{seed}/{world}", json.loads(traits))
    api = await asyncio.start_server(origin.serve, "127.0.0.1", 0, limit=1 << 20)
    control = await asyncio.start_server(origin.control, "127.0.0.1", 0, limit=1 << 20)
    print(*(server.sockets[0].getsockname()[1] for server in (api, control)), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except RuntimeError:
        pass
