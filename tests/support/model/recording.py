"""Clients append, workers record, and what became of it is what the model says."""

import itertools
import json
import re
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from pocketbase_events.errors import TroubleError
from pocketbase_events.jobs.check import find_drift
from pocketbase_events.jobs.detach import detach
from pocketbase_events.jobs.record import Step, Worker
from pocketbase_events.jobs.record.batch_size import BatchSize
from pocketbase_events.jobs.verify import verify
from pocketbase_events.jobs.watch import unwatched
from pocketbase_events.pb.database import Database
from support import NEVER, check_log
from support.model.events import Event, event_for, events_for, places, texts, whoever
from support.model.rows import GENERATED, Appended, Model, canonical
from support.model.world import World


class Recording(RuleBasedStateMachine):
    """Clients append, workers record, and what became of it is what the model says."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.number = world.enter()
        self.model = Model(world.create(self.number))
        self.positions = itertools.count(1)
        self.seq = world.gateway.status().seq
        self.restarts = 0

    def teardown(self) -> None:
        """Everything is recorded, sound and explained; then the example's collections go."""
        if sys.exc_info()[0] is not None:
            return  # it failed; the next example begins anew
        self.record("first")
        self.look()
        assert verify(self.world.superuser, unwatched).problems == []
        for each in self.model.collections.values():
            if each.attached:
                detach(self.world.admin, each.name)
        names = [each.name for each in self.model.collections.values()]
        for name in names:
            collection = self.world.root("GET", f"/api/collections/{name}").json()
            alone = [one for one in collection["fields"] if one["type"] != "relation"]
            assert self.world.root("PATCH", f"/api/collections/{name}", json={"fields": alone}).ok
        for name in names:
            assert self.world.root("DELETE", f"/api/collections/{name}").status_code == 204
        self.world.clean = True

    @rule(events=events_for("left"), then=whoever)
    def append_to_the_left(self, events: list[Event], then: str) -> None:
        self.append_to("left", events, then)

    @rule(events=events_for("right"), then=whoever)
    def append_to_the_right(self, events: list[Event], then: str) -> None:
        self.append_to("right", events, then)

    def append_to(self, which: str, events: list[Event], then: str) -> None:
        for event in events:
            self.append_as_guest(which, event)
        self.record(then)

    def append_as_guest(self, which: str, event: Event) -> None:
        collection = self.model.collections[which]
        status = self.append(self.world.guest, collection.name, event)
        if collection.attached:
            assert status == 200
        elif any(each.attached for each in self.model.collections.values()):
            assert status == 400
        else:
            assert status == 403

    @rule(
        event=event_for("left") | event_for("right"),
        name=st.sampled_from(["left", "right", "users", "events", "nope", "Left", "left ", 'left" || 1 = 1 || "']),
        actor=texts,
    )
    def append_as_superuser(self, event: Event, name: str, actor: str) -> None:
        for each in self.model.collections.values():
            name = each.name if each.name.rstrip("0123456789") == name else name
        assert self.append(self.world.root, name, event, actor) == 200

    def append(self, client: Any, collection: str, event: Event, actor: str = "") -> int:
        type_, item_id, data = event
        position = next(self.positions)
        appended = Appended(f"{self.number:07d}{position:08d}", type_, collection, item_id, data, actor, position)
        body = {key: value for key, value in vars(appended).items() if key != "position"}
        status = client("POST", "/api/collections/events/records", json=body).status_code
        if status == 200:
            self.model.pending.append(appended)
        return int(status)

    @rule(place=places, event=event_for("left"))
    def append_with_an_id_that_is_taken(self, place: int, event: Event) -> None:
        known = [*self.model.recorded, *self.model.rejected, *self.model.pending]
        if known:
            type_, item_id, data = event
            body = {"id": known[place % len(known)].id, "type": type_, "item_id": item_id, "data": data}
            body["collection"] = self.model.collections["left"].name
            assert self.world.guest("POST", "/api/collections/events/records", json=body).status_code in (400, 403)

    @rule(by=whoever)
    def record(self, by: str) -> None:
        """One of two workers records everything, and the other one's idea of the head is old; or both at once."""
        first, second = self.world.workers
        match by:
            case "first":
                self.to_the_end(first)
            case "second":
                self.to_the_end(second)
            case "both":
                self.at_once()
            case "some":
                few = BatchSize(events=2)
                Worker(self.world.gateway, lambda: datetime.now(UTC), uuid4, time.monotonic, few).run_once()
        self.observe()
        assert self.model.pending == [] or by in ("some", "nobody")

    def at_once(self) -> None:
        failed: list[BaseException] = []

        def work(worker: Worker) -> None:
            try:
                self.to_the_end(worker, TroubleError)  # as `run` does
            except BaseException as error:  # noqa: BLE001 - told below
                failed.append(error)

        threads = [threading.Thread(target=work, args=(worker,)) for worker in self.world.workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []

    def to_the_end(self, worker: Worker, *tolerated: type[Exception]) -> None:
        step = None
        for _ in range(200):
            with suppress(*tolerated):
                step = worker.run_to_end(NEVER)
            if step is Step.IDLE:
                return
        raise AssertionError(step)

    def observe(self) -> None:
        """What became of the events, and of the rows, is what the model says."""
        fates = self.world.fates()
        waiting = [event for event in self.model.pending if fates[event.id] == (0, "")]
        done = self.model.pending[: len(self.model.pending) - len(waiting)]
        assert self.model.pending == done + waiting, "processed in the order of insertion"
        self.model.pending = waiting
        for event in done:
            seq, error = fates[event.id]
            recorded = self.model.take(event, seq)
            assert (seq > 0, seq == 0) == (recorded, error != ""), (event, seq, error)
            if recorded:
                self.seq += 1
                assert seq == self.seq, event
            else:
                assert " " in error.strip(), "a sentence"
                assert "\n" not in error
        assert check_log(self.world.server, retried=True).seq == self.seq
        self.check_content(done)
        self.check_rows()

    def check_content(self, done: Iterable[Appended]) -> None:
        """The log holds of an event what was appended."""
        names = ("type", "collection", "item_id", "actor")
        for event in done:
            found = self.world.select(f"SELECT data, {', '.join(names)} FROM events WHERE id = ?", event.id)
            data = found[0][0]  # a lone number is one to SQLite, too
            assert found[0][1:] == tuple(getattr(event, name) for name in names)
            assert canonical(json.loads(data) if isinstance(data, str) else data) == canonical(event.data)

    def check_rows(self) -> None:
        for each in self.model.collections.values():
            rows = self.world.rows(each)
            assert rows.keys() == each.rows.keys()
            for key, row in each.rows.items():
                for name in [name for name, value in row.items() if value is GENERATED]:
                    assert re.fullmatch("[a-z]{6}", rows[key][name])
                    row[name] = rows[key][name]
                assert canonical(rows[key]) == canonical(row), (each.name, key)

    def look(self) -> None:
        """`check` names what the model says, whether it reads the API or the file."""
        self.check_rows()
        expected = {
            (each.name, key): kind
            for each in self.model.collections.values()
            if each.attached
            for key, (kind, _) in each.differences().items()
        }
        with closing(Database(self.world.server.data)) as database:
            for source in (self.world.superuser, database):
                found = find_drift(source, [], unwatched).differences
                assert {(each.collection, each.id): each.kind for each in found} == expected
                for each in found:
                    collection = self.model.named(each.collection)
                    assert collection is not None
                    changed = collection.differences()[each.id][1]
                    assert canonical({name: logged for name, (logged, _) in each.fields.items()}) == canonical(changed)
