"""Operators check and rebuild."""

import time
from collections.abc import Mapping
from typing import Any

from hypothesis.stateful import rule

from pocketbase_events.jobs.check import find_drift
from pocketbase_events.jobs.hold import Holding, holding
from pocketbase_events.jobs.rebuild import write_rows
from pocketbase_events.jobs.watch import unwatched
from support.model.administering import Administering
from support.model.events import operations
from support.model.rows import MISFIT, Collection


class Repairing(Administering):
    """Operators check and rebuild."""

    @rule(what=operations)
    def operate(self, what: str) -> None:
        match what:
            case "check":
                self.look()
            case "rebuild":
                self.rebuild(None, removing=True)
            case "rebuild, and remove nothing":
                self.rebuild(None, removing=False)
            case "rebuild the left":
                self.rebuild("left", removing=True)
        self.check_rows()

    def rebuild(self, which: str | None, removing: bool) -> None:
        chosen = {
            each.name: each for key, each in self.model.collections.items() if each.attached and which in (key, None)
        }
        if not chosen:
            return
        drift = find_drift(self.world.superuser, list(chosen), unwatched)
        extra = [(each.collection, each.id) for each in drift.differences if each.kind == "extra" and removing]
        held = Holding(self.world.gateway, "model", timer=time.monotonic, sleep=lambda _: None)
        with holding(held):
            done = write_rows(self.world.superuser, held, self.world.superuser, drift, extra)
        assert done.seq == self.seq
        self.rebuilt(chosen, done.refused, removing=removing)
        self.look()

    def rebuilt(
        self, chosen: Mapping[str, Collection], refused: Mapping[tuple[str, str], str], *, removing: bool
    ) -> None:
        """Every row is what the log says, or as it was, and then the rebuild told why."""
        wanted = {(name, key): self.new_row(chosen[name], key) for name, key in refused if key in chosen[name].log}
        for each in chosen.values():
            for key, (kind, changed) in each.differences().items():
                if (each.name, key) not in refused:
                    self.repair(each, key, kind, changed, removing=removing)
        # What removals took from rows that relate to them was given back.
        for each in chosen.values():
            for key, (kind, changed) in each.differences().items():
                if (each.name, key) not in refused and kind == "changed":
                    each.rows[key].update(changed)
        self.check_rows()
        for (name, key), why in refused.items():
            assert not self.could_be(chosen[name], key, wanted.get((name, key))), why

    def repair(self, each: Collection, item_id: str, kind: str, changed: dict[str, Any], *, removing: bool) -> None:
        if kind == "missing":
            each.rows[item_id] = self.new_row(each, item_id)
        elif kind == "changed":
            each.rows[item_id].update(changed)
        elif removing:
            self.model.removed(each, item_id)

    def could_be(self, each: Collection, item_id: str, row: dict[str, Any] | None) -> bool:
        """Whether the row could be like this, or, where it is None, be gone."""
        if row is None:
            return not self.model.is_related(each, item_id)
        has_place = item_id in each.rows or each.is_id(item_id)
        return has_place and MISFIT not in row.values() and self.model.admits(each, item_id, row)

    @staticmethod
    def new_row(collection: Collection, item_id: str) -> dict[str, Any]:
        """What a rebuild is to make of an item."""
        item = collection.log[item_id]
        generated = {
            name: value for name, value in item.given.items() if name in collection.fields and value in ("", None)
        }
        emptied = {name: "" for name in generated if collection.fields[name].generated}
        row = collection.rows.get(item_id) or collection.row(
            {n: v for n, v in item.given.items() if n in collection.fields}
        )
        return {**row, **collection.wanted(item), **emptied, "seq": item.changed}
