"""Any moment has its timestamp, and any text is a moment or told to be none."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import TIMESTAMP, edited_texts, texts

from pocketbase_events.cli.moment import moment_of
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
def test_a_moment_is_understood_in_any_zone_and_in_utc_if_it_names_none(moment: datetime, between: str) -> None:
    in_utc = moment.astimezone(UTC).replace(tzinfo=None)
    for text in (moment.isoformat(between, "microseconds"), in_utc.isoformat(between, "microseconds")):
        assert moment_of("--at", text) == timestamp_of(moment)
    assert moment_of("--at", timestamp_of(moment)) == timestamp_of(moment)


@given(moments, st.sampled_from([" ", "T"]), st.sampled_from(["", "Z", "+02:00", " Asia/Kolkata"]))
def test_a_time_to_the_second_means_all_of_that_second(moment: datetime, between: str, zone: str) -> None:
    whole = moment.replace(tzinfo=None).isoformat(between, "seconds")
    assert moment_of("--at", whole + zone) == moment_of("--at", f"{whole}.999{zone}")
    assert moment_of("--at", whole[:-3] + zone) == moment_of("--at", f"{whole[:-3]}:00.000{zone}")


@pytest.mark.parametrize(
    ("text", "timestamp"),
    [
        ("2026-01-31 09:30 Europe/Berlin", "2026-01-31 08:30:00.000Z"),
        ("2026-07-31 09:30 Europe/Berlin", "2026-07-31 07:30:00.000Z"),
        ("2026-07-31T09:30:00.5 America/Argentina/Buenos_Aires", "2026-07-31 12:30:00.500Z"),
        ("2026-07-31 Asia/Kolkata", "2026-07-30 18:30:00.000Z"),
        ("2026-07-31 09:30 UTC", "2026-07-31 09:30:00.000Z"),
        ("2026-07-31 09:30 Etc/GMT+5", "2026-07-31 14:30:00.000Z"),
    ],
)
def test_a_time_may_name_its_zone(text: str, timestamp: str) -> None:
    assert moment_of("--at", text) == timestamp


@pytest.mark.parametrize("zone", ["Europe/Nowhere", "Europe", "CEST", "posix/../UTC", "z"])
def test_a_zone_that_the_machine_does_not_know_is_reported(zone: str) -> None:
    with pytest.raises(WrongUsageError, match=r"knows no time zone|takes a seq or a time"):
        moment_of("--at", f"2026-01-31 09:30 {zone}")


@given(
    texts
    | st.text("0123456789-:.TZW+ ", max_size=30)
    | edited_texts(moments.map(datetime.isoformat))
    | st.from_regex(r"[0-9]{1,4000}", fullmatch=True)
)
def test_any_moment_given_to_show_is_a_seq_a_time_or_refused(at: str) -> None:
    moment: Any
    try:
        moment = moment_of("--at", at)
    except WrongUsageError as error:
        moment = error
    if at == "":
        assert moment is None
    elif re.fullmatch("[0-9]+", at):
        assert moment == int(at) if len(at) < 15 else isinstance(moment, int)
    else:
        says = ("--at takes a seq or a time such as", "knows no time zone")
        assert TIMESTAMP.fullmatch(moment) if isinstance(moment, str) else any(say in str(moment) for say in says)
