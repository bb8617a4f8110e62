"""Export and import as their users meet them, and the log as the database has it."""

from contextlib import closing
from pathlib import Path
from typing import Any

from pocketbase_events.core.batch import HEAD_ID
from support import SUPERUSER, WORKER, Server, eventually
from support.command_line import cli

VECTORS = Path(__file__).parents[1] / "vectors" / "chain.jsonl"
SECRETS = (SUPERUSER[1], WORKER[1])
KEYS = ["actor", "collection", "data", "event_id", "item_id", "seq", "timestamp", "type", "hash"]
COUNT = 30  # events in the recorded log
LONG = 3000  # in the long one


def events_of(server: Server) -> list[tuple[Any, ...]]:
    """Every event as the database has it, recorded or not."""
    with closing(server.database()) as database:
        return database.execute(
            "SELECT seq, event_id, timestamp, type, collection, item_id, data, actor, hash, error FROM events"
            " ORDER BY seq, rowid"
        ).fetchall()


def let_go(server: Server) -> None:
    """End the hold of an import that was killed, which would end by itself some seconds later."""
    path, root = f"/api/collections/event_head/records/{HEAD_ID}", server.superuser()
    # PocketBase refuses it if the import's last transaction moves the head meanwhile.
    eventually(lambda: root("PATCH", path, json={"hold_until": "", "hold_by": ""}).ok, "the end of the hold")


def assert_sound(server: Server) -> None:
    cli(server, "verify")
    cli(server, "check")
