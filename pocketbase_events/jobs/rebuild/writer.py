"""Write rows under a hold, leaving out those that PocketBase refuses."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from pocketbase_events.core.files import copy_of, files_in
from pocketbase_events.core.fold import Difference, Fold, Item, Kind, unfit_fields
from pocketbase_events.core.projection import Write
from pocketbase_events.core.schema import DELETED
from pocketbase_events.core.transaction import Committed, Outcome, RowRefused
from pocketbase_events.errors import (
    BatchTooLargeError,
    FileChangedError,
    FileUnreadableError,
    ProblemError,
    TroubleError,
)
from pocketbase_events.jobs.check import AT_ONCE, Drift, catch_up, compare
from pocketbase_events.jobs.hold import Holding
from pocketbase_events.jobs.rebuild.ways import Step, Way
from pocketbase_events.jobs.watch import Watch
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.pb.source import Source

WITH_FILES = 5  # rows written in a transaction if they may hold files, which wait in a temporary file
ATTEMPTS = 20  # to go on after somebody else wrote in between
NEEDS_SUPERUSER = (
    "Rows to remove, and rows that are marked as deleted, can only be written by a superuser: set"
    " POCKETBASE_SUPERUSER_EMAIL and POCKETBASE_SUPERUSER_PASSWORD. Nothing was changed."
)

Key = tuple[str, str]  # collection, id
Rows = list[tuple[Difference, list[Step]]]


class RowWriter:
    """Writes rows, each compared with the log again just before. The hold must be in force.

    Args:
        source: reads the rows, and what was recorded since.
        held: the hold, taken by the caller.
        superuser: PocketBase seen as a superuser, if there is one.
        drift: what was found before the hold; its fold goes on from there.
    """

    def __init__(self, source: Source, held: Holding, superuser: Gateway | None, drift: Drift) -> None:
        self.source = source
        self.held = held
        self.done: dict[str, Counter[Kind]] = {name: Counter() for name in drift.targets}
        self._superuser = superuser
        self._drift = drift
        self._targets = drift.targets
        self._fold = drift.fold

    def write(self, keys: Sequence[Key], way: Way, watch: Watch) -> dict[Key, str]:
        """Write the rows that still differ; returns why PocketBase refused others.

        Raises:
            TroubleError: when PocketBase can't answer now, or others come between again and again. What was
                written is right.
        """
        refused: dict[Key, str] = {}
        at_once = WITH_FILES if any(target.holds_files for target in self._targets.values()) else AT_ONCE
        pages = (keys[start : start + at_once] for start in range(0, len(keys), at_once))
        for page in watch(pages, "writing", len(keys)):
            refused |= self._write_page(page, way)
        return refused

    def _write_page(self, keys: Sequence[Key], way: Way) -> dict[Key, str]:
        try:
            return self._until_written(keys, way)
        except BatchTooLargeError:
            if len(keys) == 1:
                raise
        half = len(keys) // 2
        return self._write_page(keys[:half], way) | self._write_page(keys[half:], way)

    def _until_written(self, keys: Sequence[Key], way: Way) -> dict[Key, str]:
        for _ in range(ATTEMPTS):
            refused = self._write_once(keys, way)
            if refused is not None:
                return refused
            # Our hold was lost, or a row was changed by hand. Look again.
            self.held.take()
            catch_up(self.source, self._fold, self.held.head.seq)
        raise TroubleError(why="others wrote between again and again. What is done is right; run it again.")

    def _write_once(self, keys: Sequence[Key], way: Way) -> dict[Key, str] | None:
        """Write what differs now; None if something else changed in between."""
        refused: dict[Key, str] = {}
        ours: Rows = []
        others: Rows = []
        for each in sorted(self._differences(keys), key=self._created):
            why = self._why_not_insertable(each)
            if why is not None:
                refused[each.collection, each.id] = why
                continue
            steps = way(self._targets[each.collection], self._item(each), each)
            why = self._why_no_files(steps)
            if why is not None:
                refused[each.collection, each.id] = why
                continue
            (others if is_for_superuser(each, self._fold) else ours).append((each, steps))
        for rows, send in ((ours, self.held.write), (others, self._write_as_superuser)):
            more = self._send(rows, send)
            if more is None:
                return None
            refused |= more
        return refused

    def _differences(self, keys: Sequence[Key]) -> Iterator[Difference]:
        """How these rows differ now."""
        for name, group in groupby(sorted(keys), key=lambda key: key[0]):
            yield from compare(self.source, self._drift, self._targets[name], [item_id for _, item_id in group])

    def _item(self, each: Difference) -> Item | None:
        """What the log says of the row, without relations to records that are gone."""
        item = self._fold.rows[each.collection].get(each.id)
        return item and self._drift.outside.governed(self._targets[each.collection], item)

    def _created(self, each: Difference) -> int:
        """The seq of the event that created the row's item; 0 if none did."""
        item = self._fold.rows[each.collection].get(each.id)
        return item.seq if item else 0

    def _why_not_insertable(self, each: Difference) -> str | None:
        """Why today's schema can't hold the whole row; None if it can."""
        if each.kind != "missing":
            return None
        item, target = self._fold.rows[each.collection][each.id], self._targets[each.collection]
        gone = self._drift.outside.why_blocked(target, item)
        if gone is not None:
            return gone
        found = [field for field in unfit_fields(target, item) if field.kind == "refused"]
        return "; ".join(f'"{field.name}" (seq {item.seq_of(field.name)}) {field.why}' for field in found) or None

    def _why_no_files(self, steps: Sequence[Step]) -> str | None:
        """Why the files that go into a row can't be had; None if they can, or it needs none."""
        try:
            for file in (file for step in steps for value in step.write.fields.values() for file in files_in(value)):
                self.held.gateway.files.content(copy_of(file))
        except (FileUnreadableError, FileChangedError) as error:
            return str(error)
        return None

    def _send(self, rows: Rows, send: Callable[[Sequence[Write]], Outcome]) -> dict[Key, str] | None:
        """Write the rows, leaving out those that PocketBase refuses; None if something else changed in between."""
        refused: dict[Key, str] = {}
        while rows:
            steps = sorted((step for _, steps in rows for step in steps), key=lambda step: step.stage)
            outcome = send([step.write for step in steps])
            if isinstance(outcome, Committed):
                for each, _ in rows:
                    self.done[each.collection][each.kind] += 1
                break
            if not isinstance(outcome, RowRefused):
                return None
            key = (outcome.write.collection, outcome.write.item_id)
            refused[key] = self._told(outcome)
            rows = [(each, steps) for each, steps in rows if (each.collection, each.id) != key]
        return refused

    def _told(self, outcome: RowRefused) -> str:
        """Why PocketBase refused a row, and which events gave the values that it refused."""
        why = outcome.why or "PocketBase refused the row and gave no reason."
        item = self._fold.rows[outcome.write.collection].get(outcome.write.item_id)
        if item is None:
            return why
        blamed = [f'"{name}" is from seq {item.seq_of(name)}' for name in item.fields if f"{name}: " in why]
        return f"{why} (created by seq {item.seq}{''.join(f', {each}' for each in blamed)})"

    def _write_as_superuser(self, writes: Sequence[Write]) -> Outcome:
        """Renew the hold first, which a superuser's transaction does not do."""
        if self._superuser is None:
            raise ProblemError(why=NEEDS_SUPERUSER)
        renewed = self.held.write(())
        return self._superuser.write_rows(writes, self.held.head) if renewed == Committed() else renewed


def is_for_superuser(each: Difference, fold: Fold) -> bool:
    """Whether the worker's rules keep it from writing this: a row marked as deleted, or a removal."""
    if each.kind == "changed":
        return fold.rows[each.collection][each.id].deleted != (DELETED in each.fields)
    return each.kind == "extra"
