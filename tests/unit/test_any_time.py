"""Any moment has its timestamp, and any text is a moment or told to be none."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.strategies import TIMESTAMP, edited_texts, patient, texts

from pocketbase_events.cli.show import _moment
from pocketbase_events.core.events import timestamp_of
from pocketbase_events.errors import WrongUsageError

zones = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone)
moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=zones)  # noqa: DTZ001 - a bound has no zone


@given(moments, moments)
def test_timestamps_are_in_the_order_of_the_moments(one: datetime, other: datetime) -> None:
    first, second = sorted([one, other])
    assert timestamp_of(first) <= timestamp_of(second)
    assert TIMESTAMP.fullmatch(timestamp_of(first))
    told_ = datetime.fromisoformat(timestamp_of(first))
    assert timedelta(0) <= first - told_ < timedelta(milliseconds=1)


@given(moments, st.sampled_from([" ", "T"]))
def test_a_moment_is_understood_in_any_zone_and_in_utc_where_it_names_none(moment: datetime, between: str) -> None:
    assert _moment(moment.isoformat(between)) == timestamp_of(moment)
    in_utc = moment.astimezone(UTC).replace(tzinfo=None)
    assert _moment(in_utc.isoformat(between)) == timestamp_of(moment)
    assert _moment(timestamp_of(moment)) == timestamp_of(moment)


@settings(patient, max_examples=150)
@given(
    texts
    | st.text("0123456789-:.TZW+ ", max_size=30)
    | edited_texts(moments.map(datetime.isoformat))
    | st.from_regex(r"[0-9]{1,4000}", fullmatch=True)
)
def test_what_show_is_asked_for_is_a_seq_a_time_or_told_to_be_none(at: str) -> None:
    moment: Any
    try:
        moment = _moment(at)
    except WrongUsageError as error:
        moment = error
    if at == "":
        assert moment is None
    elif re.fullmatch("[0-9]+", at):
        assert moment == int(at) if len(at) < 15 else isinstance(moment, int)
    else:
        says = "--at takes a seq or a time such as"
        assert TIMESTAMP.fullmatch(moment) if isinstance(moment, str) else says in str(moment)
