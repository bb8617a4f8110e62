"""A PocketBase whose settings, accounts, disk, collections and rules change under a running worker."""

import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from faults.fault import RECOVERY, fault
from faults.tmpfs import why_no_tmpfs
from faults.world import PATIENCE, World
from support import WORKER, command, eventually, run_command

from pocketbase_events.core.batch import VERSION


@fault()
def batch_api_off_and_on(world: World) -> Iterator[float]:
    _settings(world, batch={"enabled": False})
    eventually(lambda: world.has_said("batch API is switched off"), "the news of it", PATIENCE)
    world.wait(1)
    _settings(world, batch={"enabled": True, "maxRequests": 1000, "timeout": 3})
    yield RECOVERY


@fault(times=1)
def batches_of_few_requests_only(world: World) -> Iterator[float]:
    _settings(world, batch={"enabled": True, "maxRequests": 2, "timeout": 3})
    eventually(lambda: world.has_said("no transaction of this size"), "the news of it", PATIENCE)
    for most in (3, 7, 1000):
        _settings(world, batch={"enabled": True, "maxRequests": most, "timeout": 3})
        yield RECOVERY
        world.progress(5)


@fault(times=1)
def rate_limiter_with_its_default_rules(world: World) -> Iterator[float | None]:
    _settings(world, rateLimits={"enabled": True})
    for _ in range(3):
        yield None  # 20 creates, and then none for 5 s
        world.wait(1)
    _settings(world, rateLimits={"enabled": False})
    yield RECOVERY


@fault(times=1)
def password_changed_and_changed_back(world: World) -> Iterator[float]:
    _set_password(world, "another-password")
    eventually(lambda: world.has_said("refused the worker"), "the news of it", PATIENCE)
    world.wait(world.choose.uniform(0, 3))
    _set_password(world, WORKER[1])
    yield RECOVERY


@fault()
def token_revoked(world: World) -> Iterator[float]:
    _set_password(world, WORKER[1])
    yield RECOVERY


@fault(times=1)
def tokens_that_last_ten_seconds(world: World) -> Iterator[float]:
    root = world.server.superuser()
    token = root("GET", "/api/collections/event_workers").json()["authToken"]
    for duration in (10, token["duration"]):
        change = {"authToken": {**token, "duration": duration}}
        assert root("PATCH", "/api/collections/event_workers", json=change).ok
        world.replace(world.active, signal.SIGTERM)
        for _ in range(4):
            yield RECOVERY
            world.wait(3.5 if duration == 10 else 0)


@fault(times=1, tmpfs=True, cannot=why_no_tmpfs)
def disk_full(world: World) -> Iterator[float]:
    filler = world.server.folder.parent / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    world.wait(4)
    filler.unlink()
    yield RECOVERY


@fault()
def write_lock_held_by_a_long_batch(world: World) -> Iterator[float]:
    root = world.server.superuser()
    _settings(world, batch={"enabled": True, "maxRequests": 50_000, "timeout": 60})
    root("POST", "/api/collections", json={"name": "others", "type": "base", "fields": [{"name": "a", "type": "text"}]})
    many = [("POST", "/api/collections/others/records", {"a": "x"})] * (30_000 if world.long else 10_000)
    assert root.batch(*many).ok
    yield RECOVERY


@fault()
def rules_of_the_target_edited(world: World) -> Iterator[float]:
    root = world.server.superuser()
    assert root("PATCH", "/api/collections/items", json={"createRule": None, "updateRule": None}).ok
    eventually(lambda: world.has_said("pocketbase-events attach items"), "the news of it", PATIENCE)
    world.server.attach("items")
    yield RECOVERY


@fault()
def schema_of_the_target_edited(world: World) -> Iterator[float]:
    for edit in (
        lambda fields: fields.append({"name": "extra", "type": "text"}),
        lambda fields: _field(fields, "title").update(max=200),
        lambda fields: _field(fields, "extra").update(type="text", max=10),
        lambda fields: fields.remove(_field(fields, "extra")),
    ):
        assert world.server.edit_fields("items", edit).ok
        yield RECOVERY


@fault(times=1)
def target_renamed_and_named_back(world: World) -> Iterator[float]:
    root = world.server.superuser()
    for old, new in (("items", "things"), ("things", "items")):
        assert root("PATCH", f"/api/collections/{old}", json={"name": new}).ok
        world.wait(1)
    yield RECOVERY


@fault(times=1)
def target_deleted_and_made_again(world: World) -> Iterator[float]:
    root = world.server.superuser()
    made = root("GET", "/api/collections/items").json()
    assert root("DELETE", "/api/collections/items").status_code == 204
    world.wait(1)
    fields = [field for field in made["fields"] if field["name"] not in ("id", "deleted")]
    world.server.create_collection("items", fields, listRule="", viewRule="")
    world.server.attach("items")
    yield RECOVERY
    _rebuild(world)


@fault(times=1)
def target_truncated(world: World) -> Iterator[float]:
    world.server.attach("items", lock=False)
    answer = world.server.superuser()("DELETE", "/api/collections/items/truncate")
    assert answer.status_code == 204, answer.text
    world.server.attach("items", lock=True)
    yield RECOVERY
    _rebuild(world)


@fault(times=1)
def hold_left_behind(world: World) -> Iterator[float]:
    worker = world.server.worker_client()

    def until_held() -> str | None:
        """Try to hold the head for 4 seconds: it moves all the time."""
        until = time.strftime("%Y-%m-%d %H:%M:%S.000Z", time.gmtime(time.time() + 4))
        head = worker.records("event_head")[0]
        stay = {"version": VERSION, "expected_hash": head["hash"], "hash": head["hash"], "seq": head["seq"]}
        hold = {**stay, "holder": "who died", "hold_by": "who died", "hold_until": until}
        held = worker.batch(("PATCH", f"/api/collections/event_head/records/{head['id']}", hold))
        return until if held.ok else None

    until = eventually(until_held, "a hold of the head", PATIENCE)
    eventually(lambda: time.strftime("%Y-%m-%d %H:%M:%S.000Z", time.gmtime()) > until, "the end of the hold", PATIENCE)
    yield RECOVERY


@fault(times=1)
def rebuild_killed_in_the_middle(world: World) -> Iterator[float]:
    world.server.attach("items", lock=False)
    root = world.server.superuser()
    for row in root.records("items")[:200]:
        root("DELETE", f"/api/collections/items/records/{row['id']}")
    with command("rebuild", "--yes", env=world.server.environment) as process:
        world.wait(world.choose.uniform(0.3, 1.5))
        process.kill()
    yield RECOVERY
    _rebuild(world)
    world.server.attach("items", lock=True)
    yield RECOVERY


def _settings(world: World, **changes: Any) -> None:
    answer = world.server.superuser()("PATCH", "/api/settings", json=changes)
    assert answer.ok, answer.text


def _set_password(world: World, password: str) -> None:
    root = world.server.superuser()
    account = root.records("event_workers")[0]["id"]
    body = {"password": password, "passwordConfirm": password}
    assert root("PATCH", f"/api/collections/event_workers/records/{account}", json=body).ok


def _field(fields: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(field for field in fields if field["name"] == name)


def _rebuild(world: World) -> None:
    done = run_command("rebuild", "--yes", env=world.server.environment)
    assert done.returncode == 0, done.stderr
