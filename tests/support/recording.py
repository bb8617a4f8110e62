"""What became of an event."""

from typing import Any

from pocketbase_events.jobs.record import Step
from support import NEVER, Server


def outcome(server: Server, event: dict[str, Any]) -> dict[str, Any]:
    """The event after everything pending was processed."""
    assert server.worker().run_to_end(NEVER) is Step.IDLE
    return server.superuser().record("events", event["id"])


def why(server: Server, event: dict[str, Any]) -> str:
    """Why the event was rejected."""
    after = outcome(server, event)
    assert after["seq"] == 0
    assert after["hash"] == after["event_id"] == after["timestamp"] == ""
    assert after["error"], "it was recorded"
    assert "\n" not in after["error"]
    return str(after["error"])


def expected(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The rows of a fold as PocketBase shows them: missing is zero, empty or false."""
    empty = {"title": "", "qty": 0, "done": False, "note": "", "deleted": False}
    return {
        key: {**empty, **{name: empty[name] if value is None else value for name, value in row.items()}}
        for key, row in rows.items()
    }
