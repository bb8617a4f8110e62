"""Which request of a transaction does what, in the order in which they are sent."""

from typing import Any

from pocketbase_events.core.batch import EventPlace, RowPlace, place_of, requests_of
from pocketbase_events.core.events import Head, Pending, Recorded
from pocketbase_events.core.projection import Write
from pocketbase_events.core.transaction import Rejection, Transaction


def recorded(record_id: str) -> Recorded:
    return Recorded(record_id, 1, "", "", "create", "items", "item", None, "", "")


def rejected(record_id: str) -> Rejection:
    event = Pending(record_id, "create", "items", "item", "", "", damaged=False, schema_version="")
    return Rejection(event, "why")


def write(item_id: str) -> Write:
    return Write(inserts=False, collection="items", item_id=item_id, fields={})


WHOLE = Transaction(
    Head(0, ""),
    Head(2, "h"),
    [write("w1"), write("w2")],
    [recorded("e1"), recorded("e2")],
    [rejected("r1"), rejected("r2")],
)


def address(request: dict[str, Any]) -> str:
    return str(request["url"]).split("/records/")[1].split("?")[0]


def test_each_request_is_named_by_what_it_changes() -> None:
    names = {"head00000000000": None, "w1": RowPlace(0), "w2": RowPlace(1)}
    names |= {record_id: EventPlace(record_id, rejects=False) for record_id in ("e1", "e2")}
    names |= {record_id: EventPlace(record_id, rejects=True) for record_id in ("r1", "r2")}
    addresses = [address(request) for request in requests_of(WHOLE)]
    assert [place_of(WHOLE, index) for index in range(len(addresses))] == [names[each] for each in addresses]
    assert addresses[0] == "head00000000000", "the head moves first"


def test_a_transaction_without_rows_or_events_has_none_of_their_places() -> None:
    only_rejections = Transaction(Head(0, ""), Head(0, ""), rejections=[rejected("r1")])
    assert place_of(only_rejections, 1) == EventPlace("r1", rejects=True)
