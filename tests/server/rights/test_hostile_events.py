"""Item ids and keys that reach for something else."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import ITEM_FIELDS, NEVER, Client, Server, start_copy
from support.house import ANY_ID, records, tables

from pocketbase_events.jobs.record import Step, Worker

BYSTANDER = "bystander000001"
ENDS = ("/", "#", "#x", "?", "?x=1", "%", "%20", " ", "\n", "\0", "\t", ";", "&a=b", "\\", "é", "\u0085")
STARTS = ("/", "//", "./", "../records/", "#", "%", "%2e%2e%2frecords%2f", " ", "\0")
HOSTILE_IDS = [
    *(BYSTANDER + end for end in ENDS),
    *(start + BYSTANDER for start in STARTS),
    BYSTANDER.upper(), "..", ".", "../../users/records", "..%2F..%2Fusers", "%2e%2e", "a/b", "a%2fb",
    "a%2Fb", '" || 1=1 || "', "' || 1=1 || '", "' OR '1'='1", "`; DROP TABLE items; --", "@request.auth.id",
    "@collection.items.id", "#", "?", "*", "_", "<b>", "$1", "{:id}", "[]", "con", "null", "é" * 15, "😀",
    "\u2028\u202e\ufeff", "\x7f\x80", "x" * 100, "x" * 1900, "x" * 1950, "x" * 2000, "x" * 5000, "é" * 1000,
    "/" * 5000, "#" * 5000,
]  # fmt: skip
HOSTILE_KEYS = [
    "items.title", "title.x", "title+", "title-", "+title", "title:autogenerate", "title:lower", "TITLE",
    "title ", " title", "title\0", "title\n", "title`", 'title"', "title = 'x', note", "qty+", "qty-", "+qty",
    "@request.auth.id", "@collection.items.title", "@jsonPayload", "@rowid", "rowid", "_rowid_", "collection",
    "collectionId", "collectionName", "expand", "fields", "id", "id:autogenerate", "deleted", "Deleted",
    "deleted:each", "__proto__", "constructor", "", " ", "*", "é", "x" * 20_000,
]  # fmt: skip


@dataclass(frozen=True)
class Shore:
    """A server with two attached collections, the second with ids of any form, and a bystander in each."""

    server: Server
    guest: Client
    root: Client
    worker: Worker

    def outcomes(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The events after everything was processed; what stays pending is removed for the next test."""
        try:
            assert self.worker.run_to_end(NEVER) is Step.IDLE
        finally:
            after = [self.root.record("events", event["id"]) for event in events]
            for event in after:
                if not event["seq"] and not event["error"]:
                    self.root("DELETE", records("events", event["id"]))
        return after

    def everything(self, *, but_row: str = "") -> dict[str, list[Any]]:
        """Every table but the log and the worker's own, and every row but that of one item in `wide`."""
        found = tables(self.server, but=("events", "event_head", "event_workers"))
        return {**found, "wide": [row for row in found["wide"] if but_row not in row]}


@pytest.fixture(scope="module")
def shore(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shore]:
    for server in start_copy(installed_template, tmp_path_factory.mktemp("shore") / "pocketbase"):
        server.create_collection("wide", [ANY_ID, *ITEM_FIELDS])
        server.attach("wide")
        shore = Shore(server, server.guest(), server.superuser(), server.worker())
        for collection in ("items", "wide"):
            shore.guest.append("create", BYSTANDER, {"title": "intact", "note": "intact"}, collection)
        assert shore.worker.run_to_end(NEVER) is Step.IDLE
        yield shore


@pytest.mark.slow
@pytest.mark.parametrize("item_id", HOSTILE_IDS, ids=lambda item_id: f"{item_id[:30]!a}-{len(item_id)}")
def test_an_item_id_reaches_its_own_row_or_none(shore: Shore, item_id: str) -> None:
    before = shore.everything()
    life = [
        ("update", {"title": "hit"}),
        ("delete", None),
        ("create", {"title": "new"}),
        ("update", {"note": "hit"}),
        ("delete", None),
    ]
    for collection in ("items", "wide"):
        events = [shore.guest.append(type_, item_id, data, collection) for type_, data in life]
        events = shore.outcomes(events)
        assert shore.everything(but_row=item_id) == before
        assert all(bool(event["seq"]) != bool(event["error"].strip()) for event in events)
        exists = item_id in [row["id"] for row in shore.root.records(collection)]
        recorded = [event["seq"] > 0 for event in events]
        assert recorded == [False, False, exists, exists, exists]
        assert collection == "wide" or not exists


@pytest.mark.parametrize("key", HOSTILE_KEYS, ids=lambda key: f"{key[:30]!a}-{len(key)}")
def test_a_key_of_data_that_is_not_a_field_for_events_is_rejected(shore: Shore, key: str) -> None:
    before = shore.everything()
    events = [
        shore.guest.append(type_, item_id, {**data, key: value}, collection)
        for collection in ("items", "wide")
        for value in (BYSTANDER, {"title": "hit"})
        for type_, item_id, data in (
            ("create", "new000000000001", {"title": "new"}),
            ("update", BYSTANDER, {}),
            ("update", BYSTANDER, {"note": "hit"}),
        )
    ]
    for event in shore.outcomes(events):
        assert event["seq"] == 0
        assert event["error"].strip()
    assert shore.everything() == before


def unversioned(tables: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Without the last column of `items`, which holds the seq of the last event."""
    return {**tables, "items": [row[:-1] for row in tables["items"]]}


def test_all_hostile_events_in_one_go_cost_their_neighbours_nothing(shore: Shore) -> None:
    before = shore.everything()
    for item_id in HOSTILE_IDS:
        shore.guest.append("update", item_id, {"title": "hit"})
    good = [shore.guest.append("update", BYSTANDER, {"note": note}) for note in ("seen", "intact")]
    assert all(event["seq"] for event in shore.outcomes(good))
    assert unversioned(shore.everything()) == unversioned(before)
