"""Runs the lines of a document for grpcurl in one shell, exactly as printed, and compares the printed answers.

usage: cookbook.py DOCUMENT[#SECTION] GATEWAY SIMULATOR

A block that begins with "# Watch" runs beside the others, and the first block of text is what it prints. The code is checked when
it has shown the delivery. Without a section, all of the document is run. The addresses replace those that `dev` has without arguments. IDs, codes
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
WATCH, WATCHED = "# Watch\n", "-- what was watched --"
# Until something is there that matches, for half a minute.
WAIT = "for _ in {1..300}; do ! grep -qs {} watched || break; sleep 0.1; done\n"
END = f"""
if [ -n "${{watcher:-}}" ]; then
  {WAIT.replace("{}", "ACCEPTED")}
  kill "$watcher"
fi
echo '{WATCHED}'
grep -s type watched
"""


def beside_the_others(lines: str) -> str:
    """Lines that watch go to the background, until their stream has begun. A check waits for what they show."""
    if lines.startswith(WATCH):
        streaming = lines.removeprefix(WATCH).rstrip().removesuffix("| grep type")
        return f"{streaming} >watched 2>&1 &\nwatcher=$!\n" + WAIT.replace("{}", "snapshot")
    if lines.startswith("# Check the code\n"):
        return f'if [ -n "${{watcher:-}}" ]; then\n{WAIT.replace("{}", "DELIVERED")}fi\n{lines}'
    return lines


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
    shown = next((block for block in blocks if block[1] == "text"), None)
    runs = [(lines, shown if lines.startswith(WATCH) else answer) for lines, answer in runs]
    assert runs, f"{document} has no commands"

    script = f"echo '{SEPARATOR}'\n".join(beside_the_others(lines) for lines, _ in runs) + END
    script = script.replace("127.0.0.1:50051", gateway).replace("127.0.0.1:4010", simulator)
    shell = subprocess.run(["bash"], input=script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    answers, watched = shell.stdout.split(WATCHED + "\n")
    answers = answers.split(SEPARATOR + "\n")
    answers = [watched if lines.startswith(WATCH) else found for (lines, _), found in zip(runs, answers, strict=True)]
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
