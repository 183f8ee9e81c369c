"""The oracle finds every kind of false answer: histories that break one rule each, and a history that breaks none."""

import copy
import unittest

import oracle
import plan

REQUEST = {"phone_number": "+13035550001", "channel": "sms", "profile_id": plan.PROFILES[0], "custom_code": "112233", "timeout": 120}
FOUND = {"id": "v1", "phone_number": "+13035550001", "profile_id": plan.PROFILES[0], "has_custom_code": True, "state": "VERIFICATION_STATE_PENDING"}


def call(number: int, do: str, operation: int, at: float, **fields) -> dict:
    return {"number": number, "do": do, "operation": operation, "at": at, "end": at + 0.5, "code": "OK", "reason": "OK", "fields": {}, "gateway": 0, "tenant": "c", **fields}


def request(number: int, operation: int, at: float) -> dict:
    return {"what": "request", "call": number, "operation": operation, "at": at, "effect": "send", "fault": "none"}


def message(id: str, number: int, operation: int, at: float, **fields) -> dict:
    known = {"phone": "+13035550001", "profile": plan.PROFILES[0], "channel": "sms", "timeout": 120, "custom_code": "112233", "code": "112233"}
    return {"what": "message", "id": id, "call": number, "operation": operation, "at": at, "listed": at, **known, **fields}


def checked(number: int, at: float, result: str, id: str = "v1", **fields) -> dict:
    status = {"accepted": "accepted", "rejected": "pending"}.get(result)
    return {"what": "checked", "call": number, "operation": 103, "at": at, "id": id, "result": result, "status": status, **fields}


def send(operation: int, is_named: bool = True) -> plan.Step:
    return plan.Step("send", operation, 0, request=dict(REQUEST), is_named=is_named, tenant="c")


CHECK = {"verification_id": "v1", "code": "112233"}


def good() -> dict:
    """Two sends, of which the first is repeated, and checks of the first."""
    return {
        "calls": [
            call(1, "send", 101, 0, code="UNKNOWN", reason="SEND_OUTCOME_UNKNOWN"),
            call(2, "send", 101, 1, verification=dict(FOUND)),
            call(3, "send", 102, 8, verification={**FOUND, "id": "v2"}),
            call(4, "check", 103, 10, fields={**CHECK, "code": "999999"}, outcome="CHECK_OUTCOME_REJECTED"),
            call(5, "check", 103, 11, fields=CHECK, outcome="CHECK_OUTCOME_ACCEPTED"),
            call(6, "get", 104, 12, fields={"verification_id": "v1"}, verification={**FOUND, "state": "VERIFICATION_STATE_ACCEPTED"}),
        ],
        "events": [
            request(1, 101, 0.1),
            message("v1", 1, 101, 0.2),
            request(3, 102, 8.1),
            message("v2", 3, 102, 8.2),
            checked(4, 10.1, "rejected"),
            checked(5, 11.1, "accepted"),
        ],
        "sends": {101: send(101), 102: send(102, is_named=False)},
        "took": {},
    }


def judge(history: dict) -> set[str]:
    happenings = history.get("happenings", [])
    world = plan.World(0, "memory", "memory", 1, [], {"any_case": False, "echoes_code": True}, keeps_records=not happenings)
    found = oracle.History(world, 0, 0, history["calls"], history["events"], happenings, history["sends"], history["took"])
    return {one.rule for one in found.violations}


def two_messages(history):
    history["events"] += [request(2, 101, 1.1), message("v3", 2, 101, 1.2)]


def anothers_message(history):
    history["calls"][2]["verification"] = dict(FOUND)


def no_message(history):
    history["calls"][2]["verification"] = {}


def other_code(history):
    history["events"][3]["custom_code"] = None


def other_timeout(history):
    history["events"][3]["timeout"] = 600


def two_answers(history):
    history["events"] += [request(2, 101, 1.1), message("v3", 2, 101, 1.2)]
    history["calls"].insert(2, call(7, "send", 101, 2, verification={**FOUND, "id": "v3"}))


def wrong_code(history):
    history["calls"][3]["outcome"] = "CHECK_OUTCOME_ACCEPTED"


def check_after_a_report(history):
    history["events"][5] |= {"call": 99, "is_report": True}


def report_that_did_not_happen(history):
    history["calls"].append(call(7, "report", 105, 10.3, fields={"verification_id": "v1"}, outcome="CHECK_OUTCOME_ACCEPTED"))


def accepted_too_early(history):
    history["calls"].append(call(7, "get", 105, 9, fields={"verification_id": "v1"}, verification={**FOUND, "state": "VERIFICATION_STATE_ACCEPTED"}))


def pending_too_late(history):
    history["calls"][5]["verification"] = dict(FOUND)


def refused_though_accepted(history):
    history["calls"][4] |= {"code": "NOT_FOUND", "reason": "VERIFICATION_NOT_FOUND"}
    del history["calls"][4]["outcome"]


def refused_though_sent(history):
    history["calls"][1] |= {"code": "INVALID_ARGUMENT", "reason": "UPSTREAM_INVALID_REQUEST"}


def not_begun_though_sent(history):
    history["calls"][0]["reason"] = "UPSTREAM_UNAVAILABLE"


def never_known(history):
    history["took"] = {101: float("inf")}


def duplicate(history):
    for one in (history["calls"][2], *history["events"][2:4]):
        one["at"] -= 7


def defect(history):
    history["calls"][5] |= {"code": "INTERNAL", "reason": "INTERNAL"}


def refused_before_another_call_sent(history):
    """The refusal is read after the message of another call, but was true when it was made."""
    refused = call(7, "send", 101, 0, code="FAILED_PRECONDITION", reason="INSUFFICIENT_FUNDS")
    history["calls"].insert(0, refused)
    history["events"].insert(0, request(7, 101, 0.05))


def sent_after_a_loss_of_records(history):
    """The request of the first message arrives before the records are lost, and takes effect after that."""
    history["events"][1]["at"] = history["events"][1]["listed"] = 1.3
    history["events"] += [request(2, 101, 2.1), message("v3", 2, 101, 2.2)]
    history["calls"][1] |= {"at": 2, "end": 2.5, "verification": {**FOUND, "id": "v3"}}
    history["happenings"] = [{"what": "process", "at": 0.2, "text": "gateway 0 is killed"}]


def sent_after_the_window_of_a_late_message(history):
    """The window counts from the request of the earlier message, which takes effect late."""
    for one in (history["calls"][2], *history["events"][2:4]):
        one["at"] -= 5
    history["events"][1]["at"] = history["events"][1]["listed"] = 1.9


def answered_with_a_lost_twin(history):
    """The record of an operation is lost. Telnyx shows its message as it would show that of the next operation."""
    history["calls"][2]["verification"]["id"] = "v1"
    history["happenings"] = [{"what": "process", "at": 4, "text": "gateway 0 is killed"}]


def never_known_beside_a_lost_twin(history):
    never_known(history)
    history["took"] = {102: float("inf")}
    history["happenings"] = [{"what": "process", "at": 4, "text": "gateway 0 is killed"}]


def never_known_after_a_loss_without_a_twin(history):
    never_known_beside_a_lost_twin(history)
    history["sends"][102].request["custom_code"] = "445566"


def answered_with_a_lost_one_that_differs(history):
    answered_with_a_lost_twin(history)
    history["sends"][102].request["custom_code"] = "445566"


class OracleTest(unittest.TestCase):
    def test_a_good_history_breaks_no_rule(self):
        self.assertEqual(judge(good()), set())
        for change in [refused_before_another_call_sent, sent_after_a_loss_of_records, sent_after_the_window_of_a_late_message, answered_with_a_lost_twin, never_known_beside_a_lost_twin]:
            history = copy.deepcopy(good())
            change(history)
            self.assertEqual(judge(history), set(), change.__name__)

    def test_each_false_history_breaks_its_rule(self):
        cases = {
            "two messages": [two_messages],
            "another's message": [anothers_message, no_message, answered_with_a_lost_one_that_differs],
            "other content": [other_code, other_timeout],
            "two answers": [two_answers],
            "false acceptance": [wrong_code, report_that_did_not_happen, accepted_too_early],
            "borrowed acceptance": [check_after_a_report],
            "false state": [pending_too_late],
            "false refusal": [refused_though_accepted],
            "sent after all": [refused_though_sent, not_begun_though_sent],
            "never known": [never_known, never_known_after_a_loss_without_a_twin],
            "duplicate": [duplicate],
            "defect": [defect],
        }
        self.assertEqual(set(cases), set(oracle.RULES))
        for rule, changes in cases.items():
            for change in changes:
                history = copy.deepcopy(good())
                change(history)
                self.assertIn(rule, judge(history), change.__name__)


if __name__ == "__main__":
    unittest.main()
