"""What the worker tells of its transactions."""

from collections.abc import MutableMapping
from typing import Any

from pocketbase_events.core.events import Head, Pending, Recorded
from pocketbase_events.core.transaction import Rejection, Transaction
from pocketbase_events.jobs.record.news import EVERY, REJECTIONS, News

Entries = list[MutableMapping[str, Any]]


class Timer:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def transaction(seq: int, recorded: int, rejected: int = 0) -> Transaction:
    events = [Recorded("e", seq, "", "", "create", "items", "i", None, "", "")] * recorded
    pending = Pending("bad", "create", "items", "i", "", "", damaged=False, schema_version="")
    return Transaction(Head(0, ""), Head(seq, ""), [], events, [Rejection(pending, "no title")] * rejected)


def test_a_single_transaction_is_told_at_once(caplog_events: Entries) -> None:
    news = News(Timer())
    news.committed(transaction(3, recorded=3))
    assert [dict(entry) for entry in caplog_events] == [
        {"event": "recorded", "events": 3, "seq": 3, "log_level": "info"}
    ]
    assert news.due_in is None


def test_a_backlog_is_told_in_a_line_a_second_and_nothing_is_left_out(caplog_events: Entries) -> None:
    timer = Timer()
    news = News(timer)
    for seq in range(10, 3010, 10):
        news.committed(transaction(seq, recorded=10))
        timer.now += 0.02
    assert news.due_in is not None
    assert news.due_in <= EVERY
    news.tell()
    lines = [entry for entry in caplog_events if entry["event"] == "recorded"]
    assert len(lines) <= 8
    assert sum(line["events"] for line in lines) == 3000
    assert lines[-1]["seq"] == 3000


def test_a_flood_of_rejections_is_told_in_some_lines_a_second(caplog_events: Entries) -> None:
    timer = Timer()
    news = News(timer)
    for _ in range(100):
        news.committed(transaction(0, recorded=0, rejected=50))
        timer.now += 0.03
    news.tell()
    told = [entry for entry in caplog_events if entry["event"] == "rejected"]
    counted = sum(entry["events"] for entry in caplog_events if entry["event"] == "rejected_more")
    assert len(told) <= 5 * REJECTIONS
    assert len(told) + counted == news.tally.rejected == 5000
