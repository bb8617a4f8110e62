"""Make the rows what the log says, while clients append and read."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pocketbase_events.core.fold import Difference, Kind
from pocketbase_events.errors import ProblemError, WrongUsageError
from pocketbase_events.jobs.check import AT_ONCE, Drift, catch_up, find_drift, refuse_other, settled
from pocketbase_events.jobs.hold import Holding, holding
from pocketbase_events.jobs.rebuild.ways import Way, exchanging, relating_later, whole
from pocketbase_events.jobs.rebuild.writer import NEEDS_SUPERUSER, Key, RowWriter, is_for_superuser
from pocketbase_events.jobs.watch import Watch, unwatched
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.pb.source import Source


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the rows of one collection."""

    inserted: int
    updated: int
    removed: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild did.

    Attributes:
        drift: the differences that it found.
        seq: of the last event that the rows now agree with.
        collections: the counts of each collection.
        refused: a sentence for each row that could not be written.
        held_seconds: for how long the head was held.
    """

    drift: Drift
    seq: int
    collections: dict[str, Tally]
    refused: dict[Key, str] = field(default_factory=dict)
    held_seconds: float = 0.0


def rebuild(
    source: Source,
    held: Holding,
    superuser: Gateway | None,
    names: Sequence[str],
    *,
    confirm: Callable[[Drift], bool],
    watch: Watch = unwatched,
    files: bool = False,
) -> Rebuilt:
    """Make the rows of the named collections equal to the log; those of all attached ones if none is named.

    Only rows that differ are written. Interrupted, each row is either old or right, and the next rebuild
    completes the work.

    Args:
        source: reads the log and the rows.
        held: a hold that is not taken yet.
        superuser: PocketBase, seen as a superuser, if there is one.
        names: of attached collections.
        confirm: is shown the differences, if there are any; False keeps everything as it is.
        watch: shows progress.
        files: write anew as well what files hold, if it is not what the log says.

    Raises:
        WrongUsageError: when a name is not attached, or a superuser is needed.
        ProblemError: when it was not confirmed, or rows may be hidden from the worker.
        HeldError: when somebody else holds the head and does not let go.
        TroubleError: when PocketBase can't answer now, or others come between again and again.
    """
    refuse_other(source, held.gateway)
    drift = find_drift(source, names, watch, files=files)
    if not drift.differences:
        return _result(drift, {}, {})
    if not confirm(drift):
        raise ProblemError(why="Nothing was changed.")
    if any(is_for_superuser(each, drift.fold) for each in drift.differences):
        if superuser is None:
            raise WrongUsageError(why=NEEDS_SUPERUSER)
        superuser.status()  # fails on wrong credentials, before anything is written
    with holding(held):
        done = write_rows(source, held, superuser, drift, _keys(drift, extra=True), watch)
    return look_again(source, replace(done, held_seconds=held.seconds))


def write_rows(
    source: Source,
    held: Holding,
    superuser: Gateway | None,
    drift: Drift,
    removing: Sequence[Key],
    watch: Watch = unwatched,
) -> Rebuilt:
    """The passes of a rebuild. The hold must be in force.

    Args:
        source: reads the rows, and what was recorded since the drift was found.
        held: the hold, taken by the caller.
        superuser: PocketBase, seen as a superuser; needed for rows that are marked as deleted, and to remove rows.
        drift: what was found before the hold; its fold goes on from there.
        removing: the extra rows that may be removed. Others stay.
        watch: shows progress.

    Raises:
        ProblemError: when a superuser is needed.
        TroubleError: when PocketBase can't answer now, or others come between again and again.
    """
    catch_up(source, drift.fold, held.head.seq)
    writer = RowWriter(source, held, superuser, drift)
    # Extra rows go first: they may hold values that must be unique.
    kept = _kept(drift, removing)
    kept |= writer.write([key for key in removing if key not in kept], whole, watch)
    refused = writer.write(_oldest_first(drift, _keys(drift, extra=False)), whole, watch)
    # A row may relate to a later one, or two rows may have each other's unique value.
    for way in (relating_later, exchanging):
        refused = _again(writer, drift, refused, way)
    return _result(drift, writer.done, kept | refused)


def look_again(source: Source, done: Rebuilt) -> Rebuilt:
    """Add to the refused rows those that were written and differ all the same.

    Raises:
        TroubleError: when PocketBase can't answer now.
    """
    refused = dict(done.refused)
    for name, target in done.drift.targets.items():
        ids = [each.id for each in done.drift.differences if each.collection == name and (name, each.id) not in refused]
        for start in range(0, len(ids), AT_ONCE):
            for each in settled(source, done.drift, target, ids[start : start + AT_ONCE]):
                refused[name, each.id] = _why_again(each)
    return replace(done, refused=refused)


def _why_again(each: Difference) -> str:
    if each.kind != "changed":
        return f"it is {each.kind} again after it was written. Look for a hook or a trigger that undoes it."
    return (
        f"{', '.join(each.fields)} changed again after it was written. If a hook or a trigger computes it, say so:"
        f" pocketbase-events attach {each.collection} --computed {next(iter(each.fields))}"
    )


def _again(writer: RowWriter, drift: Drift, refused: dict[Key, str], way: Way) -> dict[Key, str]:
    """Try the refused rows in another way, for as long as that helps some of them."""
    before = None
    while refused and len(refused) != before:
        before = len(refused)
        refused = writer.write(_oldest_first(drift, refused), way, unwatched)
    return refused


def _keys(drift: Drift, *, extra: bool) -> list[Key]:
    return [(each.collection, each.id) for each in drift.differences if (each.kind == "extra") == extra]


def _oldest_first(drift: Drift, keys: Iterable[Key]) -> list[Key]:
    """The rows in the order in which their items were created."""
    return sorted(keys, key=lambda key: drift.fold.rows[key[0]][key[1]].seq)


def _kept(drift: Drift, extra: Sequence[Key]) -> dict[Key, str]:
    """The extra rows that stay, each with the reason: an item of the log relates to it."""
    related = _related(drift) if extra else {}
    return {
        key: f"{related[key]} relates to it. Append events that relate to another one."
        for key in extra
        if key in related
    }


def _related(drift: Drift) -> dict[Key, str]:
    """An item that relates to a row, as the log has it, by the row."""
    names = {target.collection_id: name for name, target in drift.targets.items()}
    found: dict[Key, str] = {}
    for target in drift.relating.values():
        for definition in target.settable:
            name = names.get(definition.relates_to) if definition.type == "relation" else None
            if name is None:
                continue
            for item_id, item in drift.fold.rows[target.collection].items():
                value = item.fields.get(definition.name)
                for related in value if isinstance(value, list) else [value]:
                    by = f"{target.collection} {item_id} (seq {item.seq_of(definition.name)})"
                    found.setdefault((name, str(related)), by)
    return found


def _result(drift: Drift, done: Mapping[str, Counter[Kind]], refused: dict[Key, str]) -> Rebuilt:
    tallies = {}
    for name in drift.targets:
        counts, items = done.get(name, Counter()), drift.fold.rows[name]
        left = sum(key[0] == name and key[1] in items for key in refused)
        unchanged = len(items) - counts["missing"] - counts["changed"] - left
        tallies[name] = Tally(counts["missing"], counts["changed"], counts["extra"], unchanged)
    return Rebuilt(drift, drift.fold.head.seq, tallies, refused)
