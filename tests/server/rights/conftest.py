"""A house that the tests of this folder share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import ITEM_FIELDS, NEVER, start_copy
from support.house import House, everybody, records

from pocketbase_events.jobs.record import Step


@pytest.fixture(scope="session")
def house(installed_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """For tests after which everything is as before, pending events of no consequence aside."""
    for server in start_copy(installed_template, tmp_path_factory.mktemp("house") / "pocketbase"):
        server.create_collection("plain", ITEM_FIELDS, listRule="", viewRule="", createRule=None)
        server.create_collection("loose", ITEM_FIELDS, listRule="", viewRule="")
        server.attach("loose", lock=False)
        callers = everybody(server)
        ann, root = callers["ann"], callers["superuser"]
        root("POST", records("plain"), json={"id": "plain0000000001", "title": "intact"})
        for collection in ("items", "loose"):
            callers["guest"].append("create", "live00000000001", {"title": "intact"}, collection)
            callers["guest"].append("create", "dead00000000001", {"title": "intact"}, collection)
            callers["guest"].append("delete", "dead00000000001", collection=collection)
        mine = {"title": "ann's"}
        recorded = ann.append("create", "ann000000000001", mine, actor=ann.user_id)
        rejected = ann.append("create", "ann000000000001", mine, actor=ann.user_id)
        bob = callers["bob"]
        bob.append("create", "bob000000000001", {"title": "bob's"}, actor=bob.user_id)
        assert server.worker().run_to_end(NEVER) is Step.IDLE
        pending = ann.append("create", "ann000000000002", mine, actor=ann.user_id)
        yield House(
            server,
            callers,
            {"recorded": recorded["id"], "rejected": rejected["id"], "pending": pending["id"]},
        )
