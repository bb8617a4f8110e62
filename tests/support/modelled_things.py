"""A collection `things` beside a model of its rows, made of dicts alone: what the pages say of events."""

import copy
from collections.abc import Sequence
from typing import Any

from pocketbase_events import EventLog, new_id
from support import Server, eventually

APPENDING = ("one by one", "merged", "as a group")
EVENTS = "/api/collections/events/records"
EMPTY: dict[str, Any] = {"title": "", "qty": 0, "done": False, "tags": [], "deleted": False}
Told = tuple[int, tuple[str, Any]]  # which of the items, and the type and data of an event about it
Rows = dict[str, dict[str, Any]]


class Things:
    """Two items of the collection: events about them, and what the rows must be after those."""

    def __init__(self, server: Server) -> None:
        self._server, self._root = server, server.superuser()
        self.ids = [new_id(), new_id()]
        self.expected: Rows = {}

    def rows(self) -> Rows:
        """The rows as they are."""
        answer = self._root.records("things", filter=" || ".join(f"id = '{item}'" for item in self.ids))
        return {row["id"]: {name: row[name] for name in EMPTY} for row in answer}

    def append(self, how: str, events: Sequence[Told]) -> None:
        """Append events, wait until none is pending, and compare what became of each with the model."""
        together = new_id() if how == "as a group" else ""
        bodies = [
            {"id": new_id(), "type": type_, "collection": "things", "item_id": self.ids[which], "data": data,
             "together": together}
            for which, (type_, data) in events
        ]  # fmt: skip
        for some in [bodies] if how != "one by one" else [[body] for body in bodies]:
            answer = self._root.batch(*(("POST", EVENTS, body) for body in some))
            assert answer.status_code == 200, answer.text
            found = eventually(lambda some=some: self._outcomes(some))
            assert found == (self._take_group(some) if together else [self._take(self.expected, each) for each in some])

    def _outcomes(self, bodies: Sequence[dict[str, Any]]) -> list[bool] | None:
        """Whether each event was recorded; None while one is pending."""
        records = [self._root.record("events", body["id"]) for body in bodies]
        done = all(record["seq"] or record["error"] for record in records)
        return [record["seq"] > 0 for record in records] if done else None

    def _take_group(self, bodies: Sequence[dict[str, Any]]) -> list[bool]:
        rows = copy.deepcopy(self.expected)
        good = all(self._take(rows, body) for body in bodies)
        self.expected = rows if good else self.expected
        return [good] * len(bodies)

    @staticmethod
    def _take(rows: Rows, event: dict[str, Any]) -> bool:
        """Record an event in the model, if it can be applied."""
        row = rows.get(event["item_id"])
        data = event["data"] or {}
        if event["type"] == "create":
            if row is None:
                rows[event["item_id"]] = {**EMPTY, **data}
            return row is None
        restores = data == {"deleted": False}
        if row is None or row["deleted"] is not restores:
            return False
        row.update({"deleted": True} if event["type"] == "delete" else _changed(row, data))
        return True


def _changed(row: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    ((key, value),) = data.items()
    name = key.strip("+-")
    others = [tag for tag in row["tags"] if tag != value]
    match key:
        case "qty+":
            value = row["qty"] + value
        case "qty-":
            value = row["qty"] - value
        case "tags-":
            value = others
        case "tags+":
            value = row["tags"] if value in row["tags"] else [*row["tags"], value]
        case "+tags":
            value = [value, *others]
    return {name: EMPTY[name] if value is None else value}


def rows_of(log: EventLog, item: str, at: int | None = None) -> dict[str, Any] | None:
    """An item as the log has it, with PocketBase's value for what nobody gave; None if it is not there."""
    found = log.rows("things", item, at=at)
    given = {name: value for row in found for name, value in row.items() if name != "id" and value is not None}
    return {**EMPTY, **given} if found else None
