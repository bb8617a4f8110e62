"""A small model of log and rows beside the real thing: the two never part."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test
from support.model.events import BASE, IDS, Event, events_for
from support.model.evolving import Evolving
from support.model.world import World
from support.strategies import FEW


class LogAndRows(Evolving):
    """Everything that clients, workers, superusers and operators do, in any order."""

    @initialize(
        most=st.sampled_from([3, 7, 1000]),
        lock=st.booleans(),
        left=events_for("left"),
        right=events_for("right"),
    )
    def begin(self, most: int, lock: bool, left: list[Event], right: list[Event]) -> None:
        """A limit of the batch API, and some items, whose rows superusers may write or not."""
        batch = {"enabled": True, "maxRequests": most, "timeout": 3}
        assert self.world.root("PATCH", "/api/settings", json={"batch": batch}).ok
        for which, more in (("right", right), ("left", left)):
            self.attach_again_with_or_without_lock(which, lock)
            items: list[Event] = [("create", item_id, BASE[which]) for item_id in IDS[which][:2]]
            self.append_to(which, [*items, *more], then="first")

    @precondition(lambda self: self.restarts < 2)
    @rule(how=st.sampled_from([signal.SIGTERM, signal.SIGKILL]))
    def restart_pocketbase(self, how: signal.Signals) -> None:
        self.restarts += 1
        self.world.server.stop(how)
        self.world.server.start()


@pytest.fixture
def world(installed_template: Path, tmp_path: Path) -> Iterator[World]:
    found = World(installed_template, tmp_path)
    try:
        yield found
    finally:
        found.close()


def test_log_and_rows_are_what_a_model_says_whatever_is_done(world: World, caplog_events: list[Any]) -> None:
    del caplog_events  # nobody reads them here

    class Example(LogAndRows):
        def __init__(self) -> None:
            super().__init__(world)

    run_state_machine_as_test(
        Example,
        settings=settings(max_examples=FEW // 2, stateful_step_count=30),
    )
