"""Schemas, events and rows of any kind."""

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from pocketbase_events.core.events import Pending
from pocketbase_events.core.json_text import Unreadable
from pocketbase_events.core.schema import ROW_CREATE_RULE, SETTABLE, FieldDefinition, Target, row_update_rule
from support.strategies import any_texts, characters, json_values, scalars, texts, words

TYPES = [*sorted(SETTABLE) * 2, "file", "password", "autodate", "vector", ""]
NAMES = ["id", "deleted", "title", "qty", "done", "meta", "tags", "a", "B", "_", "Title", "collectionId", "expand"]
INDEXES = [
    "CREATE UNIQUE INDEX `i` ON `items` (`title`)", "create  unique\nindex i on items (lower(qty)) where done = 1",
    "CREATE INDEX i ON items (meta)", "", "UNIQUE", "unique (tags", 'CREATE UNIQUE INDEX "i" ON "items" ("a", [B])',
]  # fmt: skip


@st.composite
def definitions(draw: st.DrawFn) -> FieldDefinition:
    """A field as PocketBase may describe it, with options that we know, that we don't, and that make no sense."""
    described: dict[str, Any] = {
        "name": draw(st.sampled_from(NAMES)),
        "type": draw(st.sampled_from(TYPES)),
        "max": draw(st.sampled_from([0, None, "", 7])),
        "id": draw(texts),
    }
    options: dict[str, st.SearchStrategy[Any]] = {
        "hidden": st.booleans(),
        "required": st.booleans(),
        "maxSelect": st.integers(-1, 3) | st.just(2147483647),
        "values": st.lists(st.sampled_from(["a", "b", "", "[a]"]) | texts, max_size=3),
        "collectionId": st.sampled_from(["", "pbc_1", "nowhere"]),
        "autogeneratePattern": st.sampled_from(["", "[a-z]{5}", "("]),
    }
    given_ = draw(st.sets(st.sampled_from(sorted(options))))
    if described["type"] not in ("select", "relation", "file"):
        given_ -= {"maxSelect"}  # which PocketBase gives to no other field
    return FieldDefinition.model_validate({**described, **{name: draw(options[name]) for name in sorted(given_)}})


def targets_named(name: str) -> st.SearchStrategy[Target]:
    """An attached collection of that name, whose fields are of any kind."""
    return st.builds(
        Target,
        collection=st.just(name),
        collection_id=st.just("pbc_1"),
        version=st.just("1"),
        fields=st.lists(definitions(), max_size=8, unique_by=lambda each: each.name).map(tuple),
        indexes=st.none() | st.lists(st.sampled_from(INDEXES), max_size=2).map(tuple),
        row_create_rule=st.just(ROW_CREATE_RULE),
        row_update_rule=st.just(row_update_rule(versioned=False)),
    )


odd_values = st.one_of(
    json_values,
    st.sampled_from(
        [
            "",
            [],
            {},
            "2026-01-31",
            "2026-13-01",
            ["a", "b", "a"],
            ["a", 1],
            {"lon": 1, "lat": 2},
            '["a"]',
            "[",
            0,
            False,
        ]
    ),
    st.fixed_dictionaries({"lon": scalars, "lat": scalars}),
    st.lists(st.sampled_from(["a", "b", ""]), max_size=3),
)
datas = st.one_of(
    json_values,
    st.dictionaries(st.sampled_from(NAMES) | texts, odd_values, max_size=3),
    st.tuples(st.sampled_from(NAMES), odd_values).map(lambda pair: {pair[0]: pair[1]}),
    st.sampled_from([None, {}, {"id": "item1"}, {"id": 1}]),
)
types = st.sampled_from(["create", "update", "update", "delete"])

# PocketBase takes no event without an item_id.
item_ids = st.sampled_from(
    ["item1", "item2", "a#b", "é", "a'b", 'a"b', "a\\b", "a/b", "..", "a?b=1", "%2e", "x" * 1100]
) | st.text(characters, min_size=1, max_size=12)


@st.composite
def pendings(draw: st.DrawFn, collections: Sequence[str] = ("items",)) -> Pending:
    return Pending(
        id=draw(words),
        type=draw(types),
        collection=draw(st.sampled_from(collections)),
        item_id=draw(item_ids),
        actor=draw(texts),
        data=draw(st.one_of(datas.map(json.dumps), datas.map(json.dumps), any_texts)),
        damaged=draw(st.sampled_from([False] * 9 + [True])),
        schema_version="1",
        adopted=draw(st.sampled_from([False] * 9 + [True])),
    )


live_values = odd_values | st.just(Unreadable("(unreadable)"))
rows = st.dictionaries(st.sampled_from(NAMES), live_values, max_size=8)
