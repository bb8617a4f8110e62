"""The benchmarks, so briefly that their figures mean nothing: each must leave a log and rows that are right."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks import of_batches, of_hooks, of_recording
from benchmarks.measure import Figure
from benchmarks.world import Worlds, without_triggers

pytestmark = pytest.mark.slow


@pytest.fixture
def worlds(installed_template: Path, tmp_path: Path) -> Worlds:
    return Worlds(tmp_path, installed_template)


@pytest.mark.parametrize("mix", of_recording.MIXES.values(), ids=of_recording.MIXES.keys())
def test_recording_is_compared_with_the_same_writes_sent_straight(
    worlds: Worlds, mix: tuple[Callable[[int], Iterator[of_recording.Appended]], int, float]
) -> None:
    events = list(mix[0](120))
    assert of_recording.ours(worlds, events, start_up=0) > 0
    assert of_recording.straight(worlds, without_triggers(worlds), events, size=50) > 0


@pytest.mark.parametrize("way", of_hooks.WAYS.values(), ids=of_hooks.WAYS.keys())
def test_the_script_of_the_comparison_records_as_the_worker_does(
    worlds: Worlds, way: tuple[of_hooks.Send, int, float | None]
) -> None:
    events = list(of_recording.edits(160))
    assert of_hooks.theirs(worlds, of_hooks.with_hooks(worlds), way[0], events) > 0
    assert of_hooks.ours(worlds, way[0], events) > 0


def test_both_record_requests_of_many_events_and_plain_rows_are_inserted_alike(worlds: Worlds) -> None:
    events = list(of_recording.creates(40))
    assert of_batches.ours(worlds, events, size=10) > 0
    assert of_batches.theirs(worlds, of_hooks.with_hooks(worlds), events, size=10) > 0
    assert of_batches.rows_alone(worlds, without_triggers(worlds), events, size=10) > 0


def test_a_figure_is_the_median_of_the_ratios_of_its_turns() -> None:
    figure = Figure("speed", [90, 95, 20], [100, 100, 100], "events/s", target=0.9)
    assert figure.ratio == 0.9
    assert figure.met
    assert not Figure("cost", [6], [1], "ms", target=5, cost=True).met
