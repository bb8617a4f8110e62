"""Keep a copy of the log in a file, an event a line, up to date for as long as this runs.

    python examples/log_copy.py copy.jsonl

The file is its own memory: the last line says where to go on. If this program or the machine ends in the middle of a
line, that line is written anew the next time, so no event is missing and none is there twice.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from pocketbase_events import EventLog


def last_seq(file: Path) -> int:
    """The seq of the last whole line. A line that was not finished is cut off."""
    if not file.exists():
        return 0
    with file.open("rb+") as lines:
        end, last = 0, 0
        for line in lines:
            if line.endswith(b"\n"):
                end, last = end + len(line), json.loads(line)["seq"]
        lines.truncate(end)
    return last


def main(file: Path) -> None:
    after = last_seq(file)
    with EventLog.from_environment() as log, file.open("a") as copy:
        for event in log.follow(after):
            copy.write(json.dumps(asdict(event)) + "\n")
            copy.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
