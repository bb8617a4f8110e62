"""The hook file: who a superuser's events are by, and what PocketBase says of writes past the log."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import Server, item_id, start_copy
from support.admin_ui import give_extension
from support.house import EVENTS, FAR_FUTURE, HEAD

SOMEBODY = "somebody0000001"


@pytest.fixture(scope="module")
def hooked(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    for server in start_copy(installed_template, tmp_path_factory.mktemp("hooked") / "pocketbase"):
        give_extension(server)
        yield server


def event(number: int, **more: Any) -> dict[str, Any]:
    return {"type": "create", "collection": "items", "item_id": item_id(number), "data": {"title": "x"}, **more}


@pytest.mark.parametrize("given", [{}, {"actor": ""}, {"actor": SOMEBODY}])
def test_a_superusers_event_is_by_that_superuser_whatever_was_sent(hooked: Server, given: dict[str, str]) -> None:
    root = hooked.superuser()
    assert root("POST", EVENTS, json=event(1, **given)).json()["actor"] == root.user_id
    request = {"method": "POST", "url": EVENTS, "body": event(1, **given)}
    (answer,) = root("POST", "/api/batch", json={"requests": [request]}).json()
    assert answer["body"]["actor"] == root.user_id


def test_nobody_elses_event_is_touched(hooked: Server) -> None:
    assert hooked.guest()("POST", EVENTS, json=event(2)).json()["actor"] == ""
    ann = hooked.user("ann")
    assert ann("POST", EVENTS, json=event(2, actor=ann.user_id)).json()["actor"] == ann.user_id
    assert ann("POST", EVENTS, json=event(2, actor=SOMEBODY)).status_code == 400


def test_an_import_keeps_the_actors_and_an_adopted_row_has_none(hooked: Server) -> None:
    root = hooked.superuser()
    assert root.batch(("PATCH", HEAD, {"hold_until": FAR_FUTURE, "hold_by": "an import"})).ok
    assert root("POST", EVENTS, json=event(3, actor=SOMEBODY)).json()["actor"] == SOMEBODY
    assert root.batch(("PATCH", HEAD, {"hold_until": "", "hold_by": ""})).ok
    assert root("POST", EVENTS, json=event(3, adopted=True, actor=SOMEBODY)).json()["actor"] == ""


def test_a_write_past_the_log_is_refused_with_the_reason(hooked: Server) -> None:
    if not hooked.locks:
        pytest.skip("this PocketBase has no SQL endpoint, so nothing is locked")
    root, row = hooked.superuser(), f"/api/collections/items/records/{item_id(4)}"
    root("POST", EVENTS, json=event(4))
    hooked.worker().run_once()
    refused = [root("PATCH", row, json={"qty": 1}), root("DELETE", row), root("POST", row.rsplit("/", 1)[0], json={})]
    for answer in refused[:2]:
        assert answer.status_code == 400
        assert answer.json()["message"].startswith("Rows of an attached collection change by events alone; append an")
    assert refused[2].json()["data"]["title"]["message"] == "Cannot be blank.", "PocketBase's own reasons stay"
    recorded = root.records("events", filter="seq > 0")[0]["id"]
    answer = root("PATCH", f"{EVENTS}/{recorded}", json={"reason": "another"})
    assert answer.json()["message"] == "An event never changes once it is appended; append another event instead."
