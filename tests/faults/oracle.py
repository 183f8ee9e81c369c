"""Judges the answers of the gateway by the truth of the origin, and prints what it finds."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import plan

# Reasons that say that Telnyx refused the operation: no call of it has sent anything.
REFUSED = {
    "UPSTREAM_INVALID_REQUEST", "DESTINATION_NOT_ENABLED", "UPSTREAM_KEY_REFUSED", "ACCOUNT_RESTRICTED", "INSUFFICIENT_FUNDS",
    "CHANNEL_NOT_CONFIGURED", "TRAFFIC_BLOCKED", "UPSTREAM_CONFLICT", "PROFILE_NOT_FOUND", "SPEND_LIMIT_REACHED",
}  # fmt: skip
# Reasons that say that this call has sent nothing.
NOT_BEGUN = {
    "UPSTREAM_RATE_LIMITED", "UPSTREAM_UNAVAILABLE", "UPSTREAM_ANSWER_UNREADABLE", "GATEWAY_OVERLOADED", "STORE_UNAVAILABLE",
    "INVALID_REQUEST", "REQUEST_ID_REUSED",
}  # fmt: skip
# How much the timeout of a message may differ from the one of its request: the gateway may tell messages apart by it.
TIMEOUT_LEEWAY = 30

RULES = {
    "two messages": "an operation has more than one message",
    "another's message": "a send is OK with a verification of another operation",
    "other content": "a send is OK with a verification that is not as it was requested",
    "two answers": "an operation has two different verifications as its answer",
    "false acceptance": "a call reports an acceptance, and no right code caused it",
    "borrowed acceptance": "a check with the right code reports an acceptance that another call caused",
    "false state": "a call reports a state that the verification did not have",
    "false refusal": "a check is refused that was accepted",
    "sent after all": "a send failed with a reason that says that nothing was sent, but a message was",
    "never known": "the outcome of a named send was not known in time after the faults had ended",
    "defect": "a call failed with a reason that stands for a defect",
    "duplicate": "an equal send within the duplicate window sent a second message",
}


@dataclass
class Violation:
    rule: str
    operation: int
    why: str


@dataclass
class History:
    world: plan.World
    start: float
    stormy: float
    calls: list[dict]
    events: list[dict]
    happenings: list[dict]
    sends: dict[int, plan.Step]
    # How long it took after the end of the faults until the outcome of a send was known.
    took: dict[int, float]
    violations: list[Violation] = field(default_factory=list)

    def __post_init__(self):
        self.messages = [event for event in self.events if event["what"] == "message"]
        self.by_id = {message["id"]: message for message in self.messages}
        self.by_operation = group(self.messages, "operation")
        self.checked = group([event for event in self.events if event["what"] == "checked"], "call")
        self.checks_of = group([event for event in self.events if event["what"] == "checked" and event["id"]], "id")
        # Without records, only what happens between two losses is promised to be at most one.
        losses = [one["at"] for one in self.happenings if one["what"] == "process" and one["text"].endswith("is killed")]
        self.losses = [] if self.world.keeps_records else losses
        for call in self.calls:
            if call["reason"] in ("INTERNAL", "CREDENTIALS_INVALID", "RPC_UNKNOWN"):
                self.add("defect", call["operation"], f"call {call['number']} failed with {call['reason']}")
            {"send": self.judge_send, "check": self.judge_check, "report": self.judge_report, "get": self.judge_get}[call["do"]](call)
        self.judge_messages()
        self.judge_duplicates()
        for operation, seconds in self.took.items():
            # Nobody can tell whose a message is if its code is a part of the request and is never shown.
            is_hidden = "custom_code" in self.sends[operation].request and not self.world.traits["echoes_code"]
            if seconds == float("inf") and not is_hidden and not self.has_lost_twin(operation):
                self.add("never known", operation, f"not within {plan.settle_bound(self.world):.0f} s")

    def add(self, rule: str, operation: int, why: str) -> None:
        self.violations.append(Violation(rule, operation, why))

    def find(self, id: str) -> dict | None:
        return self.by_id.get(id.lower() if self.world.traits["any_case"] else id)

    def lost_between(self, one: float, other: float) -> bool:
        return any(min(one, other) - 1 <= loss <= max(one, other) + 1 for loss in self.losses)

    # ---- sends

    def judge_messages(self) -> None:
        for operation, messages in self.by_operation.items():
            for first, second in zip(messages, messages[1:]):
                if not self.lost_between(self.arrival(first), second["at"]) and not self.is_late(first):
                    self.add("two messages", operation, f"{first['id']} and {second['id']}")

    def is_late(self, message: dict) -> bool:
        """Whether the origin itself was too slow, on a machine with too much to do."""
        return message["listed"] - self.arrival(message) > plan.SETTLE_WINDOW - 0.3

    def arrival(self, message: dict) -> float:
        """When the request of a message arrived. Records of it are lost even if the message goes out after the loss."""
        arrived = [one["at"] for one in self.requests_of(message["call"]) if one["effect"] == "send" and one["at"] <= message["at"]]
        return arrived[-1] if arrived else message["at"]

    def requests_of(self, number: int) -> list[dict]:
        return [one for one in self.events if one["what"] == "request" and one["call"] == number]

    def judge_send(self, call: dict) -> None:
        operation, step = call["operation"], self.sends[call["operation"]]
        own = self.by_operation.get(operation, [])
        if call["code"] == "OK":
            found = call.get("verification", {})
            message = self.find(found.get("id", ""))
            if message is None:
                return self.add("another's message", operation, f"call {call['number']} names {found.get('id')!r}, which does not exist")
            if not (message["operation"] == operation or call.get("duplicate") and self.is_duplicate(step, message)):
                if not self.is_lost_twin(step, message, call):
                    self.add("another's message", operation, f"call {call['number']} names that of operation {message['operation']}")
                return
            wrong = content(step.request, message, found)
            if wrong:
                self.add("other content", operation, f"call {call['number']}: {wrong}")
            for other in self.calls:
                if other is call:
                    break
                if other["operation"] == operation and other["code"] == "OK" and other["verification"].get("id") != found["id"]:
                    if not self.lost_between(other["at"], call["end"]):
                        self.add("two answers", operation, f"calls {other['number']} and {call['number']}")
        elif call["reason"] in REFUSED | NOT_BEGUN:
            false = [one for one in own if one["call"] == call["number"]]
            if call["reason"] in REFUSED:
                # Another call of the operation may send after the request of this one was refused.
                known = max((one["at"] for one in self.requests_of(call["number"])), default=call["at"])
                false += [one for one in own if self.arrival(one) < known]
            if false and not self.lost_between(false[0]["at"], call["end"]):
                self.add("sent after all", operation, f"call {call['number']} failed with {call['reason']} after {self.faults_of(call)}, but {false[0]['id']} was sent")

    def is_lost_twin(self, step: plan.Step, message: dict, call: dict) -> bool:
        """Whether the record of `message` was lost before the end of `call`, and Telnyx shows it as it shows the message of `step`."""
        one, other = step.request, self.sends[message["operation"]].request
        # A request without a timeout takes that of the profile.
        hidden = {"timeout"} - (one.keys() & other.keys())
        if not self.world.traits["echoes_code"]:
            hidden.add("custom_code")
        is_alike = all(one.get(name) == other.get(name) for name in (one.keys() | other.keys()) - hidden)
        return is_alike and self.lost_between(self.arrival(message), call["end"])

    def has_lost_twin(self, operation: int) -> bool:
        """Whether Telnyx shows a message besides that of `operation` that may be its own, because a record was lost."""
        last = [call for call in self.calls if call["operation"] == operation][-1]
        own = self.by_operation.get(operation, [])
        return any(self.is_lost_twin(self.sends[operation], one, last) for one in self.messages if one not in own[-1:])

    def faults_of(self, call: dict) -> str:
        return ", ".join(one["fault"] for one in self.requests_of(call["number"])) or "no request"

    def is_duplicate(self, step: plan.Step, message: dict) -> bool:
        other = self.sends.get(message["operation"])
        return other is not None and not step.is_named and other.request == step.request and other.tenant == step.tenant

    def judge_duplicates(self) -> None:
        """Of equal sends, the later one without a name must not send while the earlier message is new and pending."""
        for lane in group(self.messages, "phone").values():
            for at, later in enumerate(lane):
                step = self.sends[later["operation"]]
                if step.tenant != "c" or step.is_named or len(self.by_operation[later["operation"]]) > 1:
                    continue
                for earlier in lane[:at]:
                    is_new = later["at"] - self.arrival(earlier) < plan.DUPLICATE_WINDOW - plan.ATTEMPT_TIMEOUT - 0.2
                    # Of two at the same time, each may be the earlier one.
                    began = next(call["at"] for call in self.calls if call["operation"] == later["operation"])
                    is_pending = not any(one["status"] != "pending" and one["at"] < later["at"] for one in self.checks_of.get(earlier["id"], []))
                    if is_new and is_pending and began > earlier["at"] and self.is_duplicate(step, earlier) and not self.lost_between(earlier["at"], later["at"]):
                        self.add("duplicate", later["operation"], f"{later['id']} after {earlier['id']} of operation {earlier['operation']}")

    # ---- checks

    def judge_check(self, call: dict) -> None:
        made = self.checked.get(call["number"], [])
        accepted = [one for one in made if one["result"] == "accepted"]
        outcome = call.get("outcome")
        if outcome == "CHECK_OUTCOME_ACCEPTED" and not accepted:
            results = ", ".join(one["result"] for one in made) or "it did not arrive"
            self.add("borrowed acceptance" if self.is_right(call) else "false acceptance", call["operation"], f"call {call['number']}: {results}")
        negative = call["code"] == "OK" and outcome != "CHECK_OUTCOME_ACCEPTED" and outcome or call["reason"] in REFUSED | NOT_BEGUN | {"VERIFICATION_NOT_FOUND"}
        if negative and outcome != "CHECK_OUTCOME_UNSPECIFIED" and any(one["at"] <= call["end"] for one in accepted):
            self.add("false refusal", call["operation"], f"call {call['number']} ends with {outcome or call['reason']} after {self.faults_of(call)}, but its code was accepted")

    def is_right(self, call: dict) -> bool:
        """Whether the code of a check is that of a verification that it means."""
        fields = call["fields"]
        by_id = self.find(fields.get("verification_id", ""))
        meant = [by_id] if by_id else [one for one in self.messages if one["phone"] == fields.get("phone_number")]
        return any(one["code"] == fields["code"] for one in meant)

    def judge_report(self, call: dict) -> None:
        outcome, id = call.get("outcome"), call["fields"]["verification_id"]
        wanted = {"CHECK_OUTCOME_ACCEPTED": "accepted", "CHECK_OUTCOME_REJECTED": "invalid"}.get(outcome)
        if wanted and wanted not in self.states(id, call["at"], call["end"]):
            self.add("false acceptance" if wanted == "accepted" else "false state", call["operation"], f"call {call['number']} reports {outcome}")

    def judge_get(self, call: dict) -> None:
        found = call.get("verification")
        if not found:
            return
        state = found.get("state", "").removeprefix("VERIFICATION_STATE_").lower()
        if state not in self.states(call["fields"]["verification_id"], call["at"], call["end"]):
            self.add("false acceptance" if state == "accepted" else "false state", call["operation"], f"call {call['number']} reads {state}")

    def states(self, id: str, start: float, end: float) -> set[str]:
        """The states that the verification had at some time of the call."""
        message, states = self.find(id), {"pending"}
        for one in self.checks_of.get(message["id"], []) if message else []:
            if one.get("status") and one["at"] <= end:
                states = {one["status"]} if one["at"] < start else states | {one["status"]}
        return states

    # ---- what is printed

    def summary(self) -> str:
        known = [seconds for seconds in self.took.values() if seconds != float("inf")]
        rules = Counter(one.rule for one in self.violations)
        return (
            f"world {self.world.number} ({self.world.name}): {len(self.calls)} calls and {len(self.messages)} messages of {len(self.sends)} sends in "
            f"{self.stormy:.0f} s; {len(self.took)} outcomes open at the end, known after at most {max(known, default=0):.1f} s; "
            f"violations: {dict(rules) or 'none'}"
        )

    def outcomes(self) -> dict[tuple, Counter]:
        """The outcomes of the calls that met each fault."""
        ends = {call["number"]: end_of(call) for call in self.calls}
        table: dict[tuple, Counter] = defaultdict(Counter)
        for event in self.events:
            if event["what"] == "request" and event["call"] in ends:
                table[event["fault"], event["effect"] if event["effect"] in ("send", "check") else "read"][ends[event["call"]]] += 1
        return table

    def of_lane(self, operation: int) -> list[str]:
        """Everything that happened to the operations of a lane, in order."""
        lane, lines = operation // 100, []
        for event in self.events:
            if event["operation"] // 100 == lane:
                lines.append((event["at"], event["operation"], show_event(event)))
        calls = [call for call in self.calls if call["operation"] // 100 == lane]
        for call in calls:
            lines.append((call["at"], call["operation"], f"call {call['number']} begins: {show_call(call)}"))
            lines.append((call["end"], call["operation"], f"call {call['number']} ends: {show_end(call)}"))
        first, last = min(call["at"] for call in calls), max(call["end"] for call in calls)
        lines += [(one["at"], 0, one["text"]) for one in self.happenings if first <= one["at"] <= last]
        return [f"  {at - self.start:8.3f}  {'>' if one == operation else ' '} {one or '':>5}  {text}" for at, one, text in sorted(lines)]


def group(events: list[dict], key: str) -> dict:
    found = defaultdict(list)
    for event in events:
        found[event[key]].append(event)
    return found


def content(request: dict, message: dict, answer: dict) -> str:
    """What of a verification is not as requested: at the origin, and in the answer."""
    for name, there in (("phone_number", "phone"), ("profile_id", "profile"), ("channel", "channel")):
        if message[there] != request[name]:
            return f"the {name} at the origin"
    if message["custom_code"] != request.get("custom_code"):
        return "the custom code at the origin"
    if "timeout" in request and abs((message["timeout"] or 0) - request["timeout"]) > TIMEOUT_LEEWAY:
        return "the timeout at the origin"
    if answer.get("phone_number") != request["phone_number"] or answer.get("profile_id") != request["profile_id"]:
        return "the phone number or the profile of the answer"
    if answer.get("has_custom_code", False) != ("custom_code" in request):
        return "has_custom_code of the answer"
    return ""


def end_of(call: dict) -> str:
    if call["code"] == "OK":
        return {"CHECK_OUTCOME_ACCEPTED": "accepted", "CHECK_OUTCOME_REJECTED": "rejected"}.get(call.get("outcome"), "ok")
    if call["reason"].endswith("OUTCOME_UNKNOWN") or call["reason"] == "DEADLINE_EXCEEDED" or call["reason"].startswith("("):
        return "unknown"
    return "refused" if call["reason"] in REFUSED or call["reason"].endswith("NOT_FOUND") else "not begun"


def show_event(event: dict) -> str:
    match event["what"]:
        case "request":
            reused = ", reused" if event["reused"] else ""
            has_effect = event["effect"] in ("send", "check") and event["fault"] != "none"
            when = f", takes effect: {event['when']}" if has_effect else ""
            return f"request of call {event['call']}: {event['effect']}, fault: {event['fault']}{when} (connection {event['connection']}{reused})"
        case "message":
            listed = event["listed"] - event["at"]
            late = f", listed {listed:.1f} s later" if listed > 0 else ""
            return f"MESSAGE {event['id']} by call {event['call']}: code {event['code']}, timeout {event['timeout']}{late}"
        case "checked":
            return f"CHECKED by call {event['call']}: {event['id']} is {event['result']}{' by report' if event.get('is_report') else ''}"
    entries = "" if event["entries"] is None else f" with {event['entries']} entries"
    return f"answered call {event['call']}: {event['status']}{entries}" if event["fault"] == "none" else f"end of the fault of call {event['call']}"


def show_call(call: dict) -> str:
    fields = {name: value for name, value in call["fields"].items() if name not in ("request_id", "phone_number", "profile_id", "channel")}
    name = " named" if "request_id" in call["fields"] else ""
    return f"{call['do']}{name} {fields or ''} by tenant {call['tenant']} at gateway {call['gateway']}"


def show_end(call: dict) -> str:
    if call["code"] != "OK":
        return f"{call['reason']}: {call.get('text', '')}"
    found = call.get("verification", {})
    flags = "".join(f" {name}" for name in ("replayed", "duplicate") if call.get(name))
    return f"OK {found.get('id', '')} {found.get('state', '')}{call.get('outcome', '')}{flags}"


COLUMNS = ("ok", "accepted", "rejected", "unknown", "refused", "not begun")


def report(arguments, histories: list[History], seconds: float) -> int:
    table: dict[tuple, Counter] = defaultdict(Counter)
    for history in histories:
        for fault, ends in history.outcomes().items():
            table[fault] += ends
    print(f"\nfaults × outcomes of the calls that met them\n{'fault':36}{'request':8}" + "".join(f"{name:>10}" for name in COLUMNS))
    for (fault, effect), ends in sorted(table.items(), key=lambda row: (row[0][1], row[0][0])):
        print(f"{fault:36}{effect:8}" + "".join(f"{ends[name] or '·':>10}" for name in COLUMNS))
    print(f"{len({fault for fault, _ in table}) - 1} kinds of faults")
    shown: Counter = Counter()
    for history in sorted(histories, key=lambda one: one.world.number):
        for one in history.violations:
            shown[one.rule] += 1
            where = f"--seed {arguments.seed} --calls {arguments.calls} --world {history.world.number} --lane {one.operation // 100}"
            print(f"\nVIOLATION: {RULES[one.rule]}\n  operation {one.operation} of world {history.world.number} ({history.world.name}): {one.why}\n  again: {where}")
            if shown[one.rule] <= arguments.histories:
                print(f"  {history.world.backend}, {history.world.traits}")
                print("\n".join(history.of_lane(one.operation)))
    calls = sum(len(history.calls) for history in histories)
    sends = sum(len(history.sends) for history in histories)
    messages = sum(len(history.messages) for history in histories)
    print(f"\nseed {arguments.seed}: {calls} calls, {sends} sends with {messages} messages, {seconds:.0f} s, {calls / max(seconds, 1):.0f} calls a second")
    print("\n".join(f"{count:6} × {RULES[rule]}" for rule, count in shown.most_common()) or "no violation")
    return 1 if shown else 0
