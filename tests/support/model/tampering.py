"""Superusers do what they should not."""

from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st
from hypothesis.stateful import rule

from support.model.events import BASE, IDS, operations, places, sides, value_of
from support.model.repairing import Repairing
from support.model.rows import MISFIT, Collection


class Tampering(Repairing):
    """Superusers do what they should not."""

    @rule(which=sides, place=places, how=st.sampled_from(["mark", "remove", "remove"]), then=operations)
    def mark_or_remove_a_row_behind_the_log(self, which: str, place: int, how: str, then: str) -> None:
        collection = self.model.collections[which]
        if not collection.rows:
            return
        item_id = sorted(collection.rows)[place % len(collection.rows)]
        if how == "remove":
            relating = self.model.relating(collection, item_id)
            allowed = not any(each.closed for each, *_ in relating if each is not collection)
            if self.done_by_hand("DELETE", collection, item_id, {}, allowed=allowed):
                self.model.removed(collection, item_id)
        else:
            self.change_by_hand(collection, item_id, {"deleted": not collection.rows[item_id]["deleted"]})
        self.operate(then)

    @rule(
        side=sides.flatmap(lambda which: st.tuples(st.just(which), st.lists(value_of(which), min_size=1))),
        place=places,
        then=operations,
    )
    def change_or_insert_a_row_behind_the_log(
        self, side: tuple[str, list[tuple[str, Any]]], place: int, then: str
    ) -> None:
        which, values = side
        collection = self.model.collections[which]
        given = {name: value for name, value in values if self.keeps(collection, name, value)}
        item_id = IDS[which][place % len(IDS[which])]
        if item_id in collection.rows:
            self.change_by_hand(collection, item_id, given)
        else:
            given = {**BASE[which], **given}
            new = collection.row(given)
            allowed = collection.is_id(item_id) and self.model.admits(collection, item_id, new)
            if self.done_by_hand("POST", collection, "", {**given, "id": item_id}, allowed=allowed):
                collection.rows[item_id] = new
        self.operate(then)

    @staticmethod
    def keeps(collection: Collection, name: str, value: Any) -> bool:
        """Whether PocketBase keeps such a value as it is, whoever writes it."""
        if name not in collection.fields or collection.fields[name].generated:
            return False
        each = collection.fields[name]
        is_text = each.type == "json" and isinstance(value, str)
        return each.kept(value) is not MISFIT and not is_text and (not each.multiple or isinstance(value, list))

    def change_by_hand(self, collection: Collection, item_id: str, given: dict[str, Any]) -> None:
        kept = {name: collection.fields[name].kept(value) for name, value in given.items() if name != "deleted"}
        new = {**collection.rows[item_id], **given, **kept}
        allowed = self.model.admits(collection, item_id, new)
        if self.done_by_hand("PATCH", collection, item_id, given, allowed=allowed):
            collection.rows[item_id] = new

    def done_by_hand(
        self, method: str, collection: Collection, item_id: str, body: dict[str, Any], *, allowed: bool
    ) -> bool:
        """Whether a superuser may write a row; who may not is refused."""
        path = f"/api/collections/{collection.name}/records"
        answer = self.world.root(method, f"{path}/{quote(item_id, safe='')}" if item_id else path, json=body)
        assert answer.ok == (allowed and not collection.closed), answer.text
        assert answer.ok or answer.status_code == 400
        return bool(answer.ok)

    @rule(place=places, how=st.sampled_from(["spoil", "remove"]), then=operations)
    def edit_a_row_in_the_file(self, place: int, how: str, then: str) -> None:
        """Past every check of PocketBase's: the row may be one that it would refuse."""
        collection = self.model.collections["left"]
        if collection.closed or not collection.rows:
            return
        item_id = sorted(collection.rows)[place % len(collection.rows)]
        if how == "spoil":
            self.world.write(f"UPDATE `{collection.name}` SET title = '' WHERE id = ?", item_id)
            collection.rows[item_id]["title"] = ""
        else:
            self.world.write(f"DELETE FROM `{collection.name}` WHERE id = ?", item_id)
            del collection.rows[item_id]
        self.operate(then)
