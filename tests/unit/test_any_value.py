"""Any value fits a field or is told why not."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.any_schema import definitions, live_values
from support.strategies import sentence, texts

from pocketbase_events.core.json_text import Unreadable, UnreadableJsonError
from pocketbase_events.core.schema import SETTABLE, FieldDefinition
from pocketbase_events.core.values import (
    as_stored,
    describe,
    identical,
    is_empty,
    same,
    to_pocketbase,
    why_not_fitting,
    why_unfit,
)
from pocketbase_events.jobs.adopt import _refuse_unreadable


@given(definitions(), live_values, live_values, live_values)
def test_being_the_same_is_the_same_in_both_directions_and_handed_on(
    definition: FieldDefinition, one: Any, two: Any, three: Any
) -> None:
    assume(definition.type in SETTABLE)
    assert same(definition, one, one)
    assert same(definition, one, two) == same(definition, two, one)
    if same(definition, one, two) and same(definition, two, three):
        assert same(definition, one, three)
    assert not identical(one, two) or same(definition, one, two)
    assert identical(one, two) == identical(two, one)


@given(definitions(), live_values)
def test_any_value_fits_a_field_or_the_reason_is_given(definition: FieldDefinition, value: Any) -> None:
    assume(definition.type in SETTABLE)
    sentence(f"It is {describe(value)}.", 200)
    stored = as_stored(definition, value)
    assert same(definition, as_stored(definition, stored), stored)
    is_empty(definition, value)
    why, why_now = why_not_fitting(definition, value), why_unfit(definition, value)
    if why is not None:
        sentence(why, 400)
        assert why_now is not None
    if why_now is not None:
        sentence(why_now, 400)
    if why is None and value is not None and definition.type != "json":
        assert same(definition, to_pocketbase(definition, value), value)
        assert why_not_fitting(definition, stored) is None


@given(st.recursive(live_values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)))
def test_a_value_is_adopted_only_if_all_of_it_could_be_read(value: Any) -> None:
    def is_readable(part: Any) -> bool:
        inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        return not isinstance(part, Unreadable) and all(map(is_readable, inner))

    if is_readable(value):
        _refuse_unreadable(value)
    else:
        with pytest.raises(UnreadableJsonError):
            _refuse_unreadable(value)
