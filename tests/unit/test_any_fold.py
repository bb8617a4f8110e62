"""Any log folds, and any row is compared with it."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.any_schema import datas, rows, targets_named, types

from pocketbase_events.core.events import EMPTY, Recorded
from pocketbase_events.core.fold import Fold, changes_of, difference, row_fields, unfit, unfit_fields
from pocketbase_events.core.schema import Target
from pocketbase_events.core.values import as_stored


@st.composite
def logs(draw: st.DrawFn) -> list[Recorded]:
    """Events of any kind about three items, in the order of their seq."""
    steps = draw(st.lists(st.tuples(types, st.sampled_from("abc"), datas), max_size=10))
    return [
        Recorded(f"r{seq}", seq, f"e{seq}", "2026-01-01 00:00:00.000Z", type_, "items", item_id, data, "", f"h{seq}")
        for seq, (type_, item_id, data) in enumerate(steps, 1)
    ]


@given(logs(), st.none() | targets_named("items"), targets_named("items"), rows)
def test_whatever_a_log_says_it_folds_and_any_row_is_compared_with_it(
    log: list[Recorded], then: Target | None, now: Target, row: dict[str, Any]
) -> None:
    fold = Fold({"items": then})
    for event in log:
        for before, after in changes_of(event, fold.rows["items"].get(event.item_id)).values():
            json.dumps([before, after])
        fold.apply([event])
    assert fold.head == (log[-1].head if log else EMPTY)
    settable = {each.name for each in now.settable}
    for item_id in "abc":
        item = fold.rows["items"].get(item_id)
        for live in (None, row):
            found = difference(now, item_id, item, live)
            if item is None or live is None:
                assert (found is None) == (item is None and live is None)
            elif found is not None:
                assert found.kind == "changed"
                assert found.fields.keys() <= settable | {"deleted"}
        if item is None:
            continue
        fields = row_fields(now, item)
        assert fields.keys() <= settable | {"deleted"}
        misfits = {field.name for field in unfit_fields(now, item)}
        for name in misfits & item.fields.keys():
            assert item.seq_of(name) <= fold.head.seq
        # A row that holds what the log says, as far as it can, differs in nothing.
        kept = {name: as_stored(now.by_name[name], item.fields.get(name)) for name in settable}
        assert difference(now, item_id, item, {**row, **kept, "deleted": item.deleted}) is None
    for each in unfit(now, fold.rows["items"]):
        assert each.count >= len(each.seqs) > 0
        assert list(each.seqs) == sorted(each.seqs)
