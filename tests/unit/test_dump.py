"""The dump of an event is RFC 8785 to the byte."""

from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from support.chains import characters, json_values, keys, scalars, simple_chain

from pocketbase_events.core.events import HASHED, dump

flat = st.dictionaries(st.text(st.characters(codec="ascii"), max_size=4), scalars, max_size=5)
hashed_events = st.fixed_dictionaries({
    **dict.fromkeys(HASHED, st.text(characters, max_size=8)),
    "data": json_values | flat | st.dictionaries(keys, scalars, max_size=5),
    "seq": st.integers(1, 2**53 - 1),
})  # fmt: skip


@given(hashed_events)
def test_the_dump_is_rfc_8785_to_the_byte(event: dict[str, Any]) -> None:
    assert dump(event) == rfc8785.dumps(event)


@given(hashed_events, st.randoms(use_true_random=False))
def test_the_dump_does_not_depend_on_the_order_of_keys(event: dict[str, Any], chance: Any) -> None:
    names = list(event)
    chance.shuffle(names)
    shuffled = {name: event[name] for name in names}
    if isinstance(shuffled["data"], dict):
        shuffled["data"] = dict(reversed(shuffled["data"].items()))
    assert dump(shuffled) == dump(event)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), -float("inf"), 2**53, -(2**53), "\ud800", "x\udfff", [2**64], {"\ud800": 1}]
)
def test_what_rfc_8785_has_no_form_for_has_no_dump(value: Any) -> None:
    event = {**simple_chain(1)[0].hashed, "data": value}
    for edited in (event, {**event, "data": {"a": value}}):
        with pytest.raises(ValueError):  # noqa: PT011 - what a caller is promised
            dump(edited)
