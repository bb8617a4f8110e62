"""An update or delete that expects a version of its row is recorded only if the row still has it."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support import NEVER, Client, Server, check_log, eventually, pending
from support.checking import silent
from support.recording import outcome, why
from support.working import working

ROW = "x00000000000001"
MEANWHILE = (
    'The item "{row}" in {name} was changed meanwhile (seq {seq}, expected {expected}). Read it again, and decide anew.'
)


@pytest.fixture
def seq(shared: Server, notes: str) -> int:
    """The version of a new row of `notes`."""
    shared.attach(notes)
    return int(outcome(shared, shared.guest().append("create", ROW, {"title": "a"}, notes))["seq"])


def said(name: str, seq: int, expected: int) -> str:
    return MEANWHILE.format(row=ROW, name=name, seq=seq, expected=expected)


def test_the_expected_version_is_changed_and_any_other_is_not(shared: Server, notes: str, seq: int) -> None:
    guest = shared.guest()
    now = outcome(shared, guest.append("update", ROW, {"title": "b"}, notes, expected_seq=seq))["seq"]
    assert now == seq + 1
    for type_, data in (("update", {"title": "c"}), ("delete", None), ("update", {"title": "d"})):
        assert why(shared, guest.append(type_, ROW, data, notes, expected_seq=seq)) == said(notes, now, seq)
    deleted = outcome(shared, guest.append("delete", ROW, None, notes, expected_seq=now))["seq"]
    assert outcome(shared, guest.append("update", ROW, {"deleted": False}, notes, expected_seq=deleted))["seq"] > 0
    silent(shared, notes)


def test_a_create_expects_no_version(shared: Server, notes: str, seq: int) -> None:
    refused = why(shared, shared.guest().append("create", "y00000000000001", None, notes, expected_seq=seq))
    assert refused == "A create has no version to expect. Leave expected_seq out."


def test_a_group_expects_the_version_before_it(shared: Server, notes: str, seq: int) -> None:
    shared.edit_fields(notes, lambda fields: fields.append({"name": "qty", "type": "number"}))
    guest = shared.guest()

    def group(name: str) -> list[dict[str, Any]]:
        url = "/api/collections/events/records"
        each = {"type": "update", "collection": notes, "item_id": ROW, "expected_seq": seq, "together": name}
        answer = guest.batch(*(("POST", url, {**each, "data": data}) for data in ({"title": name}, {"qty": 1})))
        assert answer.status_code == 200, answer.text
        shared.worker().run_to_end(NEVER)
        return [shared.superuser().record("events", result["body"]["id"]) for result in answer.json()]

    assert [event["seq"] for event in group("first")] == [seq + 1, seq + 2]
    first, second = group("second")
    assert first["error"] == said(notes, seq + 2, seq)
    assert second["error"].endswith(first["error"])


def test_of_many_competing_updates_exactly_one_wins(shared: Server, notes: str, seq: int) -> None:
    clients = [shared.guest().again() for _ in range(5)]

    def update(client: Client) -> dict[str, Any]:
        """Read the row, and change it if it is still what was read."""
        expected = client.record(notes, ROW)["seq"]
        return dict(client.append("update", ROW, {"title": f"of {id(client)}"}, notes, expected_seq=expected))

    with working(shared), ThreadPoolExecutor(len(clients)) as threads:
        appended = [event for _ in range(12) for event in threads.map(update, clients)]
        eventually(lambda: pending(shared) == 0, "all are recorded or rejected")
    by_expected: dict[int, list[dict[str, Any]]] = {}
    for event in (shared.superuser().record("events", each["id"]) for each in appended):
        by_expected.setdefault(event["expected_seq"], []).append(event)
    recorded = [event for events in by_expected.values() for event in events if event["seq"]]
    assert [sum(event["seq"] > 0 for event in events) for events in by_expected.values()] == [1] * len(by_expected)
    versions = [seq, *sorted(event["seq"] for event in recorded)]
    assert sorted(by_expected) == versions[:-1], "each won over the version that it had read"
    for expected, events in by_expected.items():
        for event in events:
            assert event["seq"] or event["error"] in {said(notes, later, expected) for later in versions}
    assert shared.guest().record(notes, ROW)["seq"] == versions[-1]
    check_log(shared)
    silent(shared, notes)
