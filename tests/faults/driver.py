"""Runs worlds: starts the processes, makes the calls of the plan, and lets the oracle judge the answers."""

import argparse
import asyncio
import random
import shutil
import signal
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from pathlib import Path

import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2

import oracle
import plan
import processes
from verify.v1 import verification_service_pb2 as pb

# How many worlds run at the same time, and how many seconds none of them exceeds.
AT_ONCE, WORLD_BOUND = 2, 120

METHODS = {"send": "CreateVerification", "check": "CheckVerification", "report": "ReportVerification", "get": "GetVerification"}
OPTIONS = [
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
    ("grpc.use_local_subchannel_pool", 1),
]


class Player:
    """Plays the lanes of one world."""

    def __init__(self, seed: str, world: plan.World, origin: processes.Origin, gateways: list[processes.Process]):
        self.seed, self.world, self.origin = seed, world, origin
        self.channels = [grpc.aio.insecure_channel(f"127.0.0.1:{one.port}", OPTIONS) for one in gateways]
        self.calls: list[dict] = []
        self.happenings: list[dict] = []
        self.sends: dict[int, plan.Step] = {}
        self.final: dict[int, dict] = {}

    def record(self, text: str) -> None:
        self.happenings.append({"at": time.time(), "what": "process", "text": text})

    async def call(self, step: plan.Step, fields: dict, gateway: int) -> dict:
        """Makes one call. Returns what is known of it."""
        number = len(self.calls) + 1
        found = {"at": time.time(), "number": number, "do": step.do, "operation": step.operation, "tenant": step.tenant, "gateway": gateway, "fields": fields}
        self.calls.append(found)
        method = METHODS[step.do]
        request = json_format.ParseDict(fields, getattr(pb, f"{method}Request")())
        make = self.channels[gateway].unary_unary(
            f"/verify.v1.VerificationService/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=getattr(pb, f"{method}Response").FromString,
        )
        trace = f"00-{step.operation:016x}{number:016x}-{number:016x}-01"
        running = make(request, timeout=step.deadline, metadata=(("authorization", f"Bearer {step.tenant}"), ("traceparent", trace)))
        try:
            response = await running
            found |= {"code": "OK", "reason": "OK", **json_format.MessageToDict(response, preserving_proto_field_name=True)}
            headers = [*(await running.initial_metadata() or ()), *(await running.trailing_metadata() or ())]
            found |= {name: True for name, value in headers if name in ("replayed", "duplicate") and value == "true"}
        except grpc.aio.AioRpcError as error:
            found |= {"code": error.code().name, "reason": reason_of(error), "text": error.details()}
        found["end"] = time.time()
        return found

    def gateway(self, rng: random.Random) -> int:
        return rng.randrange(len(self.channels))

    # ---- steps

    async def play(self, lane: plan.Lane) -> None:
        await asyncio.sleep(lane.start)
        if lane.crowd:
            for key in set(plan.TENANTS.values()):
                await self.origin.do(crowd=[key, lane.phone, plan.PROFILES[lane.number % 2], lane.crowd])
        await asyncio.gather(*(self.act(steps) for steps in lane.actors))

    async def act(self, steps: list[plan.Step]) -> None:
        for step in steps:
            rng = random.Random(f"{self.seed}/{self.world.number}/{step.operation}/calls")
            await asyncio.sleep(step.pause)
            if step.do == "send":
                self.sends[step.operation] = step
                await asyncio.gather(*(self.send(step, random.Random(rng.random())) for _ in range(step.callers if step.is_named else 1)))
            else:
                await self.about(step, rng)

    async def send(self, step: plan.Step, rng: random.Random) -> None:
        for number in range(step.tries if step.is_named else 1):
            if number:
                await asyncio.sleep(rng.choice([0.05, 0.3, 1, 2.5]))
            if await self.send_once(step, self.gateway(rng)):
                return

    async def send_once(self, step: plan.Step, gateway: int) -> bool:
        """Whether the outcome is known now."""
        request = step.request
        fields = {"phone_number": request["phone_number"], "channel": f"CHANNEL_{request['channel'].upper()}", "profile_id": request["profile_id"]}
        if "custom_code" in request:
            fields["custom_code"] = request["custom_code"]
        if "timeout" in request:
            fields["timeout"] = f"{request['timeout']}s"
        if step.is_named:
            fields["request_id"] = str(uuid.UUID(int=random.Random(f"{self.seed}/{self.world.number}/{step.operation}").getrandbits(128), version=4))
        found = await self.call(step, fields, gateway)
        if found["code"] == "OK" or found["reason"] in oracle.REFUSED:
            self.final[step.operation] = found
            return True
        return False

    async def about(self, step: plan.Step, rng: random.Random) -> None:
        """A check, a report or a read of what an earlier send started."""
        for _ in range(25):
            final = self.final.get(step.target)
            if final or step.by_phone and step.target in self.sends:
                break
            await asyncio.sleep(0.1)
        id = final["verification"].get("id") if final and final["code"] == "OK" else None
        if not id and not step.by_phone:
            return
        # Hexadecimal digits have no case.
        id = id.upper() if id and step.upper_case and self.world.traits["any_case"] else id
        gateway = self.gateway(rng)
        if step.do == "get":
            await self.call(step, {"verification_id": id}, gateway)
        elif step.do == "report":
            await self.call(step, {"verification_id": id, "outcome": f"REPORTED_OUTCOME_{step.outcome.upper()}"}, gateway)
        else:
            send = self.sends[step.target]
            target = {"phone_number": send.request["phone_number"], "profile_id": send.request["profile_id"]} if step.by_phone else {"verification_id": id}
            await self.call(step, {**target, "code": await self.code(step, rng)}, gateway)

    async def code(self, step: plan.Step, rng: random.Random) -> str:
        """A code for the check: that of the message, that of another message to the number, or a wrong one."""
        messages = [one for one in await self.origin.refresh() if one["what"] == "message"]
        lane = [one for one in messages if one["operation"] // 100 == step.operation // 100]
        own = [one["code"] for one in lane if one["operation"] == step.target]
        other = [one["code"] for one in lane if one["operation"] != step.target]
        wrong = f"{rng.randrange(10**7, 10**8)}"
        match step.code:
            case "right":
                return own[0] if own else wrong
            case "other":
                return rng.choice(other) if other else wrong
        return wrong

    # ---- the end

    async def settle(self) -> dict[int, float]:
        """Repeats every named send until its outcome is known. Returns how long that took, or infinity."""
        began, took = time.time(), {}

        async def repeat(step: plan.Step) -> None:
            rng = random.Random(step.operation)
            while time.time() - began < plan.settle_bound(self.world):
                step.deadline = plan.DEADLINE
                if await self.send_once(step, self.gateway(rng)):
                    took[step.operation] = time.time() - began
                    return
                await asyncio.sleep(0.5 + rng.random())
            took[step.operation] = float("inf")

        open = [step for number, step in self.sends.items() if step.is_named and number not in self.final]
        await asyncio.gather(*(repeat(step) for step in open))
        return took


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """The reason of the contract, or the code where there is none: the connection was lost."""
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin":
            for packed in status_pb2.Status.FromString(value).details:
                info = error_details_pb2.ErrorInfo()
                if packed.Unpack(info):
                    return info.reason
    return f"({error.code().name})"


async def run(arguments, number: int, folder: Path) -> oracle.History:
    seed = arguments.seed
    world = plan.world(seed, number)
    origin = processes.Origin(seed, world)
    await origin.start()
    running, gateways, store = [origin], [], None
    try:
        if world.backend == "redis":
            store = processes.redis(arguments.redis, world, folder)
            running.append(store)
            await store.start()
        for one in range(world.gateways):
            gateways.append(processes.gateway(arguments.gateway, one, world, folder, origin.port, store and store.port))
        running += gateways
        await asyncio.gather(*(one.start() for one in gateways))
        player = Player(seed, world, origin, gateways)
        start = time.time()

        async def disturb() -> None:
            async def at_its_time(event: tuple) -> None:
                await asyncio.sleep(event[0])
                async with turns[event[2] if event[1] == "kill" else "store"]:
                    await processes.happen(event, gateways, store, player.record)

            turns = defaultdict(asyncio.Lock)
            await asyncio.gather(*(at_its_time(event) for event in world.events))

        lanes = lanes_of(arguments, seed, world)
        await asyncio.gather(disturb(), *(player.play(lane) for lane in lanes))
        stormy = time.time() - start
        await origin.do(well=True)
        player.record("the origin is well")
        took = await player.settle()
        # Until nothing can take effect any more.
        await asyncio.sleep(1.5)
        events = await origin.refresh()
        for one in running:
            if one.child.returncode is not None:
                raise RuntimeError(f"a process ended by itself: {one.log.read_text()[-2000:]}")
        for channel in player.channels:
            await channel.close()
        return oracle.History(world, start, stormy, player.calls, events, player.happenings, player.sends, took)
    finally:
        for one in running:
            one.kill()


def lanes_of(arguments, seed: str, world: plan.World) -> list[plan.Lane]:
    if arguments.lane:
        return [plan.lane(seed, world, arguments.lane)]
    share, lanes = arguments.calls / arguments.worlds, []
    while share > 0:
        lanes.append(plan.lane(seed, world, len(lanes) + 1))
        share -= plan.calls_of(lanes[-1])
    return lanes


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gateway", help="the path of a verify-gateway binary")
    parser.add_argument("--redis", help="the path of a redis-server; without it, worlds with a Redis server are skipped")
    parser.add_argument("--calls", type=int, default=5000, help="about how many calls to make")
    parser.add_argument("--seed", default=str(random.randrange(10**6)))
    parser.add_argument("--world", type=int, help="only this world")
    parser.add_argument("--lane", type=int, help="only this lane of the world")
    parser.add_argument("--histories", type=int, default=2, help="how many whole histories to print for each rule")
    arguments = parser.parse_args()
    # However the driver ends, its children end with it.
    driver = asyncio.current_task()
    for number in (signal.SIGTERM, signal.SIGALRM):
        asyncio.get_running_loop().add_signal_handler(number, driver.cancel)
    arguments.worlds = max(len(plan.NAMES), round(arguments.calls / 715))
    signal.alarm(WORLD_BOUND * (1 + arguments.worlds // AT_ONCE))
    print(f"seed {arguments.seed}, about {arguments.calls} calls in {arguments.worlds} worlds", flush=True)
    numbers = range(arguments.worlds) if arguments.world is None else [arguments.world]
    at_once, began, histories = asyncio.Semaphore(AT_ONCE), time.time(), []
    folder = Path(tempfile.mkdtemp(prefix="faults-"))

    async def one(number: int) -> None:
        world = plan.world(arguments.seed, number)
        if world.backend == "redis" and not arguments.redis:
            print(f"world {number} ({world.name}) is skipped: it needs a Redis server")
            return
        async with at_once:
            own = folder / str(number)
            own.mkdir()
            async with asyncio.timeout(WORLD_BOUND):
                history = await run(arguments, number, own)
            histories.append(history)
            print(history.summary(), flush=True)

    try:
        async with asyncio.TaskGroup() as worlds:
            for number in numbers:
                worlds.create_task(one(number))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return oracle.report(arguments, histories, time.time() - began)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
