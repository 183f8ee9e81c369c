"""Runs the lines of a document for grpcurl in one shell, exactly as printed, and compares the printed answers.

usage: cookbook.py DOCUMENT[#SECTION] GATEWAY SIMULATOR

Without a section, all of the document is run. The addresses replace those that `dev` has without arguments. IDs, codes
and times differ from run to run, so any of them matches any other. A line of … matches any lines.
With UPDATE_GOLDEN set, the answers are written into the document instead.
"""

import os
import re
import subprocess
import sys

MASKS = [
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "ID"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
    (r"(code is:? |\"code\": \")\d+", r"\1CODE"),
    (r"(\"account\": \")[0-9a-f]{16}", r"\1ACCOUNT"),
    (r"^(date|traceparent|grpc-accept-encoding): .*$", r"\1: …"),
]
FENCED = re.compile(r"^```(\w+)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
SEPARATOR = "-- the next block --"


def masked(text: str) -> str:
    for pattern, name in MASKS:
        text = re.sub(pattern, name, text, flags=re.MULTILINE)
    return text.strip()


def matches(printed: str, found: str) -> bool:
    parts = re.split(r"^ *…\n", masked(printed), flags=re.MULTILINE)
    return re.fullmatch(r"(?:.*\n)?".join(map(re.escape, parts)), masked(found), re.DOTALL) is not None


def main() -> int:
    document, gateway, simulator = sys.argv[1:]
    path, _, section = document.partition("#")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    begin, end = 0, len(text)
    if section:
        begin = text.index(f"## {section}\n")
        end = text.index("\n## ", begin + 1)
    # Each block of commands with the block of its answer, if one follows.
    runs = []
    blocks = list(FENCED.finditer(text, begin, end))
    for at, block in enumerate(blocks):
        if block[1] == "sh":
            following = blocks[at + 1] if at + 1 < len(blocks) else None
            answer = following if following and following[1] != "sh" else None
            runs.append((block[2], answer))
    assert runs, f"{document} has no commands"

    script = f"echo '{SEPARATOR}'\n".join(lines for lines, _ in runs)
    script = script.replace("127.0.0.1:50051", gateway).replace("127.0.0.1:4010", simulator)
    shell = subprocess.run(["bash"], input=script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    answers = shell.stdout.split(SEPARATOR + "\n")
    assert len(answers) == len(runs), shell.stdout

    failed = 0
    updated, last = [], 0
    for (lines, answer), found in zip(runs, answers, strict=True):
        found = found.replace(gateway, "127.0.0.1:50051").replace(simulator, "127.0.0.1:4010")
        printed = answer[2] if answer else ""
        if matches(printed, found):
            continue
        if answer and os.environ.get("UPDATE_GOLDEN"):
            updated += [text[last : answer.start(2)], found.rstrip("\n") + "\n"]
            last = answer.end(2)
            continue
        failed += 1
        print(f"--- these lines of {document}\n{lines}--- are said to answer\n{printed}--- and answer\n{found}")
    if updated:
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(updated) + text[last:])
    print(f"{document}: {len(runs) - failed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
