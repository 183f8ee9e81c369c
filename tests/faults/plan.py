"""What the driver does, as a function of the seed: worlds with their settings, and lanes of calls about one phone number each."""

import random
from dataclasses import dataclass, field

# Settings of the gateway, in seconds. The origin lets a request take effect at most 1.3 s after it arrived, and lists a
# verification at most 1 s later: together well within the settle window.
SETTLE_WINDOW, CLOCK_SKEW, ATTEMPT_TIMEOUT, DEADLINE = 4, 1, 0.4, 4
# A killed gateway holds a lease that the next one waits for: the deadline, an attempt and two reconciliations of 5 s.
LEASE = DEADLINE + ATTEMPT_TIMEOUT + 10
TENANTS = {"a": "KEYone", "b": "KEYone", "c": "KEYtwo"}
# Tenant c has a window for duplicates.
DUPLICATE_WINDOW = 3
PROFILES = ("49000000-0000-0000-0000-000000000001", "49000000-0000-0000-0000-000000000002")


@dataclass
class World:
    """A set of processes with their settings, and what happens to them."""

    number: int
    name: str
    backend: str
    gateways: int
    # (seconds after the start, what, which, for how many seconds)
    events: list[tuple]
    traits: dict
    settings: dict = field(default_factory=dict)
    # Whether the records survive what happens.
    keeps_records: bool = True
    is_durable: bool = False


@dataclass
class Step:
    do: str
    operation: int
    pause: float
    target: int = 0
    # Of a send.
    request: dict = field(default_factory=dict)
    is_named: bool = True
    tries: int = 1
    callers: int = 1
    # Of a check or a report.
    code: str = "right"
    by_phone: bool = False
    upper_case: bool = False
    outcome: str = "accepted"
    tenant: str = "a"
    deadline: float = DEADLINE


@dataclass
class Lane:
    number: int
    phone: str
    crowd: int
    start: float
    # Each actor does its steps one after the other. Actors run at the same time.
    actors: list[list[Step]]


NAMES = ("memory", "shared", "pauses", "crashes", "lost", "emptied", "clock")


def settle_bound(world: World) -> float:
    """How long after the end of the faults a named send may take until its outcome is known."""
    return SETTLE_WINDOW + 2 * CLOCK_SKEW + 4 + (LEASE if world.events else 0)


def world(seed: str, number: int) -> World:
    rng = random.Random(f"{seed}/{number}")
    name = NAMES[number % len(NAMES)]
    traits = {
        "offset": rng.choice([0, 0.8 * CLOCK_SKEW, -0.8 * CLOCK_SKEW]),
        # Whether lists show the codes of callers.
        "echoes_code": rng.random() < 0.8,
        "empty_is_404": rng.random() < 0.5,
        "page_ceiling": rng.choice([25, 250]),
        "any_case": rng.random() < 0.6,
        "wrong_updates": rng.random() < 0.5,
    }
    times = lambda count: sorted(rng.uniform(1.5, 13) for _ in range(count))
    kills = [(at, "kill", rng.randrange(2), rng.uniform(0, 1.5)) for at in times(5)]
    match name:
        case "memory":
            return World(number, name, "memory", 1, [], traits, {"upstream.breaker.consecutive_failures": 5})
        case "shared":
            return World(number, name, "redis", 2, kills, traits)
        case "pauses":
            pauses = [(at, "pause", 0, rng.uniform(0.2, 2.5)) for at in times(4)]
            return World(number, name, "redis", 2, pauses, traits)
        case "crashes":
            crashes = [(at, "crash", 0, rng.uniform(0, 2)) for at in times(3)]
            return World(number, name, "redis", 2, sorted(crashes + kills[:2]), traits, is_durable=True)
        case "lost":
            return World(number, name, "memory", 1, [(at, "kill", 0, after) for at, _, _, after in kills], traits, keeps_records=False)
        case "emptied":
            crashes = [(at, "crash", 0, rng.uniform(0, 1)) for at in times(2)]
            return World(number, name, "redis", 2, crashes, traits, keeps_records=False)
    return World(number, name, "redis", 1, [], traits | {"offset": rng.choice([-8, 8]) * CLOCK_SKEW})


def lane(seed: str, world: World, number: int) -> Lane:
    rng = random.Random(f"{seed}/{world.number}/{number}")
    phone = f"+1303555{number % 10000:04}"
    crowd = 300 if rng.random() < 0.08 else 0
    maker = rng.choice([sends, sends, checks, checks, mixed])
    return Lane(number, phone, crowd, rng.uniform(0, 11), maker(rng, Operations(number, phone, rng)))


class Operations:
    """Makes the steps of a lane, with numbers of their own."""

    def __init__(self, lane: int, phone: str, rng: random.Random):
        self.next, self.phone, self.rng = lane * 100, phone, rng
        self.profile, self.channel = rng.choice(PROFILES), rng.choice(["sms", "sms", "call", "whatsapp"])
        self.tenants = rng.choice([["a"], ["a", "b"], ["a", "b"], ["c"]])
        self.codes = ["112233"]

    def number(self) -> int:
        self.next += 1
        return self.next

    def send(self, pause: float, code_share: float = 0.5) -> Step:
        rng = self.rng
        request = {"phone_number": self.phone, "channel": self.channel, "profile_id": self.profile}
        if rng.random() < code_share:
            # Some codes are used again.
            if rng.random() < 0.8:
                self.codes.append(f"{rng.randrange(10**6):06}")
            request["custom_code"] = self.codes[-1]
        if rng.random() < 0.4:
            request["timeout"] = rng.choice([120, 300, 301, 600])
        return Step(
            "send", self.number(), pause, request=request, is_named=rng.random() < 0.65, tries=rng.choice([1, 2, 3]),
            callers=2 if rng.random() < 0.15 else 1, tenant=rng.choice(self.tenants), deadline=rng.choice([DEADLINE, DEADLINE, 2, 0.6]),
        )  # fmt: skip

    def check(self, target: int, pause: float) -> Step:
        rng = self.rng
        return Step(
            "check", self.number(), pause, target=target, code=rng.choice(["right", "right", "wrong", "wrong", "other"]),
            by_phone=rng.random() < 0.3, upper_case=rng.random() < 0.2, tenant=rng.choice(self.tenants), deadline=rng.choice([DEADLINE, DEADLINE, 1]),
        )  # fmt: skip

    def report(self, target: int, pause: float) -> Step:
        outcome = self.rng.choice(["accepted", "accepted", "accepted", "rejected"])
        return Step("report", self.number(), pause, target=target, outcome=outcome, tenant=self.rng.choice(self.tenants))

    def get(self, target: int, pause: float) -> Step:
        return Step("get", self.number(), pause, target=target, tenant=self.rng.choice(self.tenants))

    def about(self, target: int, pause: float) -> Step:
        make = self.rng.choice([self.check, self.check, self.check, self.check, self.report, self.get])
        return make(target, pause)


def sends(rng: random.Random, make: Operations) -> list[list[Step]]:
    """Sends to one number at almost the same time."""
    actors = []
    for _ in range(rng.choice([2, 2, 3, 4])):
        send = make.send(rng.uniform(0, 1.2))
        actors.append([send, make.get(send.operation, 0)])
    if rng.random() < 0.4:
        # An equal send of the same tenant.
        twin = make.send(rng.uniform(0, 1.5))
        first = actors[0][0]
        twin.request, twin.tenant = first.request, first.tenant
        actors.append([twin])
    return actors


def checks(rng: random.Random, make: Operations) -> list[list[Step]]:
    """One send, and then calls about it, some of them at the same time."""
    send = make.send(0, code_share=0.8)
    send.tries = 3
    first = [send] + [make.about(send.operation, rng.choice([0, 0.05, 0.3])) for _ in range(rng.randint(2, 5))]
    others = [[make.about(send.operation, rng.uniform(0.1, 2)) for _ in range(rng.randint(0, 3))] for _ in range(rng.choice([0, 1, 2]))]
    return [first, *others]


def mixed(rng: random.Random, make: Operations) -> list[list[Step]]:
    """Sends to one number one after the other, with calls about each of them."""
    steps = []
    for _ in range(rng.randint(2, 4)):
        send = make.send(rng.choice([0, 0.1, 0.5]))
        steps += [send] + [make.about(send.operation, rng.choice([0, 0.1])) for _ in range(rng.randint(0, 2))]
    return [steps]


def calls_of(lane: Lane) -> int:
    """About how many calls the lane makes."""
    return 0.8 * sum(step.callers * (1 + 0.7 * (step.tries - 1)) for actor in lane.actors for step in actor)
