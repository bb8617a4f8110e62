"""Superusers do what they may."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule
from typer.testing import CliRunner

from pocketbase_events.cli import app
from pocketbase_events.errors import WrongUsageError
from pocketbase_events.jobs.attach import attach
from pocketbase_events.jobs.detach import detach
from pocketbase_events.jobs.retry import retry
from support import check_log
from support.model.events import places, sides
from support.model.recording import Recording
from support.model.rows import ANYONE, Collection, Item, canonical


class Administering(Recording):
    """Superusers do what they may."""

    @rule(place=places)
    def retry_a_rejected_event(self, place: int) -> None:
        if not self.model.rejected:
            return
        event = self.model.rejected.pop(place % len(self.model.rejected))
        assert retry(self.world.admin, [event.id], everything=False) == [event.id]
        self.model.pending = sorted([*self.model.pending, event], key=lambda each: each.position)

    @rule(place=places)
    def remove_an_event_that_is_not_recorded(self, place: int) -> None:
        events = [*self.model.pending, *self.model.rejected]
        if events:
            event = events[place % len(events)]
            assert self.world.root("DELETE", f"/api/collections/events/records/{event.id}").status_code == 204
            (self.model.pending if event in self.model.pending else self.model.rejected).remove(event)

    @rule(place=places, change=st.sampled_from([None, {"seq": 0}, {"data": {"a": 1}}, {"error": "x"}]))
    def tamper_with_a_recorded_event(self, place: int, change: dict[str, Any] | None) -> None:
        if not (self.model.recorded and self.world.lockable):
            return
        event = self.model.recorded[place % len(self.model.recorded)]
        path = f"/api/collections/events/records/{event.id}"
        method = "DELETE" if change is None else "PATCH"
        assert self.world.root(method, path, json=change or {}).status_code == 400
        assert check_log(self.world.server, retried=True).seq == self.seq

    @rule(which=sides, lock=st.sampled_from([False, False, True]))
    def attach_again_with_or_without_lock(self, which: str, lock: bool) -> None:
        collection = self.model.collections[which]
        if collection.attached:
            attach(self.world.admin, collection.name, {}, lock=lock)
            collection.locked = lock and self.world.lockable

    @rule(which=sides, lock=st.sampled_from([False, False, True]))
    def detach_or_adopt(self, which: str, lock: bool) -> None:
        collection = self.model.collections[which]
        if collection.attached:
            detach(self.world.admin, collection.name)
            collection.attached = False
        else:
            self.lift_what_rows_do_not_meet(collection)
            # PocketBase would refuse to give any other row its `seq`.
            if all(self.model.admits(collection, item_id, row) for item_id, row in collection.rows.items()):
                self.adopt(collection, lock)

    def edit_fields(
        self, collection: Collection, edit: Callable[[list[dict[str, Any]]], Any], *, allowed: bool = True
    ) -> None:
        path = f"/api/collections/{collection.name}"
        fields = self.world.root("GET", path).json()["fields"]
        edit(fields)
        answer = self.world.root("PATCH", path, json={"fields": fields})
        assert answer.ok == allowed, answer.text

    def lift_what_rows_do_not_meet(self, collection: Collection) -> None:
        """Make fields optional that a row lacks."""
        for name, each in collection.fields.items():
            if each.required and any(row[name] == each.kept(None) for row in collection.rows.values()):
                self.edit_fields(collection, lambda fields, name=name: named(fields, name).update(required=False))
                collection.fields[name] = replace(each, required=False)

    def adopt(self, collection: Collection, lock: bool) -> None:
        if collection.rows:
            with pytest.raises(WrongUsageError, match="has rows already"):
                attach(self.world.admin, collection.name, ANYONE, lock=None)
        arguments = ["attach", collection.name, "--allow", "", "--adopt", "--lock" if lock else "--no-lock"]
        done = CliRunner().invoke(app, arguments, env=self.world.server.environment)
        assert (done.exit_code, done.exception) == (0, None), done.output
        adopted = self.world.select(
            "SELECT type, item_id, data, seq FROM events WHERE adopted AND seq > ? ORDER BY seq", self.seq
        )
        self.seq += len(adopted)
        self.settle_before_adoption()
        expected: list[list[Any]] = []
        last = {item_id: seq for _, item_id, _, seq in adopted}
        for item_id, (kind, changed) in sorted(collection.differences().items()):
            if kind == "missing" or changed.keys() == {"seq"}:
                continue
            row = collection.rows[item_id]
            nothing = {name: each.kept(None) for name, each in collection.fields.items()}
            data = {name: row[name] for name in nothing if canonical(row[name]) != canonical(nothing[name])}
            expected.append(["create", item_id, data])
            collection.log[item_id] = Item(data, row["deleted"], changed=last.get(item_id, 0), adopted=True)
            if row["deleted"]:
                expected.append(["delete", item_id, None])
        found = [[type_, item_id, json.loads(data or "null")] for type_, item_id, data, _ in adopted]
        assert canonical(found) == canonical(expected)
        for item_id, (kind, changed) in collection.differences().items():
            if kind == "changed":  # in its seq alone, which attaching fills in
                collection.rows[item_id].update(changed)
        collection.attached, collection.locked = True, lock and self.world.lockable
        self.check_rows()

    def settle_before_adoption(self) -> None:
        """What was pending was recorded before the first adopted event."""
        adopted = self.seq
        fates = self.world.fates()
        count = 0
        for event in self.model.pending:
            seq, error = fates[event.id]
            recorded = self.model.take(event, seq)
            assert (seq > 0, seq == 0) == (recorded, error != ""), (event, seq, error)
            count += recorded
        self.model.pending = []
        self.seq = adopted + count
        assert check_log(self.world.server, retried=True).seq == self.seq


def named(fields: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(each for each in fields if each["name"] == name)
