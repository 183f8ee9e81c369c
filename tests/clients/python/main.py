"""Runs the scenarios that all languages share with grpcio."""

import json
import os
import sys
from pathlib import Path

from player import Player
from verify.v1 import error_reason_pb2


def main() -> int:
    scenarios = json.loads(Path(os.environ["SCENARIOS"]).read_text())
    passed = failed = 0
    reasons: set[str] = set()
    for case in scenarios["cases"]:
        if "python" not in case.get("only", ["python"]):
            print("not offered by grpcio:", case["name"])
            continue
        try:
            with Player(case, reasons) as player:
                for step in case["steps"]:
                    player.play(step)
            passed += 1
        except Exception as error:
            print(f"FAILED: {case['name']}: {type(error).__name__}: {error}")
            failed += 1
    for name in error_reason_pb2.ErrorReason.keys():
        name = name.removeprefix("ERROR_REASON_")
        if name not in {"UNSPECIFIED", *scenarios["not_provoked"], *reasons}:
            print("FAILED: no case is answered with", name)
            failed += 1
    print(f"python: {passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
