"""`check` as its users meet it, by the API and by the file."""

import json
from contextlib import closing
from typing import Any

from pocketbase_events.jobs.check import find_drift
from pocketbase_events.jobs.record import Step
from pocketbase_events.jobs.watch import unwatched
from pocketbase_events.pb.database import Database
from support import NEVER, Client, Server
from support.command_line import cli

NOTHING = {"missing": 0, "changed": 0, "extra": 0}


def look(server: Server, *names: str, code: int = 0) -> tuple[dict[str, Any], list[str]]:
    """What `check --json` tells, and the sentences beside it. PocketBase's file must tell the same."""
    done = cli(server, "check", *names, "--json", code=code)
    told = json.loads(done.stdout)
    assert list(told) == ["ok", "seq", "collections", "differences"]
    assert all(list(counts) == ["rows", "missing", "changed", "extra"] for counts in told["collections"].values())
    assert all(list(each) == ["collection", "id", "kind", "fields"] for each in told["differences"])
    with closing(Database(server.data)) as database:
        drift = find_drift(database, names, unwatched)
    by_file = [(each.collection, each.id, each.kind, dict(each.fields)) for each in drift.differences]
    by_api = [
        (each["collection"], each["id"], each["kind"], {name: tuple(pair) for name, pair in each["fields"].items()})
        for each in told["differences"]
    ]
    assert sorted(by_file, key=repr) == sorted(by_api, key=repr), "the file tells the same"
    assert drift.rows == {name: counts["rows"] for name, counts in told["collections"].items()}
    told["differences"].sort(key=lambda each: str(each["id"]))
    return told, done.stderr.splitlines()


def check(server: Server, *arguments: str, code: int = 0) -> dict[str, Any]:
    return look(server, *arguments, code=code)[0]


def silent(server: Server, *arguments: str) -> dict[str, Any]:
    """What a check tells that finds nothing, and says nothing on standard error."""
    told, sentences = look(server, *arguments)
    assert (told["ok"], told["differences"], sentences) == (True, [], [])
    return told


def record_all(server: Server) -> None:
    assert server.worker().run_to_end(NEVER) is Step.IDLE


def append_all(client: Client, collection: str, events: list[dict[str, Any]]) -> None:
    for start in range(0, len(events), 1000):
        client.append_all(*({"collection": collection, **event} for event in events[start : start + 1000]))


def refused(server: Server) -> list[tuple[Any, str]]:
    """The data and the reason of every rejected event."""
    with closing(server.database()) as database:
        return list(database.execute("SELECT data, error FROM events WHERE error != '' ORDER BY rowid"))
