"""Load an export into an empty log, each event as it was recorded, and build the rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from pocketbase_events.core.batch import MAX_CHARS, RAISE_LIMIT, load_requests
from pocketbase_events.core.events import EMPTY, Head, Recorded
from pocketbase_events.core.files import again, files_of
from pocketbase_events.core.transaction import Committed, Load
from pocketbase_events.errors import BatchTooLargeError, ProblemError, WrongUsageError
from pocketbase_events.jobs.check import chosen, find_drift
from pocketbase_events.jobs.hold import Holding, holding
from pocketbase_events.jobs.rebuild import Rebuilt, look_again, write_rows
from pocketbase_events.jobs.verify import NO_EVENTS, Verdict, exported_to, verify_file
from pocketbase_events.jobs.watch import Watch, unwatched
from pocketbase_events.pb.batch import Failed
from pocketbase_events.pb.export_file import ExportFile
from pocketbase_events.pb.export_folder import ExportFolder
from pocketbase_events.pb.gateway import Gateway

AT_ONCE, ONE_BY_ONE = 500, 200  # events in a transaction, by how PocketBase can be told to append them


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did.

    Attributes:
        verdict: on the file. If it has problems, nothing was imported.
        events: how many were loaded; fewer than the file has if some were there already.
        not_attached: the collections of the log that are not attached here, so that their rows were not built.
        rebuilt: how the rows were built; None if nothing was imported.
    """

    verdict: Verdict
    events: int = 0
    not_attached: Sequence[str] = ()
    rebuilt: Rebuilt | None = None


def import_log(path: Path, held: Holding, superuser: Gateway, watch: Watch = unwatched) -> Imported:
    """Verify an export, load it into an empty log, and build the rows. Interrupted, it can be done again.

    Args:
        path: the export, a file that can be read more than once.
        held: a hold that is not taken yet.
        superuser: PocketBase, seen as a superuser.
        watch: shows progress.

    Raises:
        WrongUsageError: when the file can't be read, or has no events.
        ProblemError: when the log has other events, or PocketBase refuses one.
        HeldError: when somebody else holds the head and does not let go.
        TroubleError: when PocketBase can't answer now.
    """
    folder = ExportFolder(path)
    verdict = verify_file(path, watch, exported_to(folder))
    if [problem.reason for problem in verdict.problems] == [NO_EVENTS]:
        raise WrongUsageError(why=f"{path} has no events.")
    if verdict.problems:
        return Imported(verdict)
    with holding(held):
        _check_beginning(path, held.head)
        chosen(held.gateway, [])  # fails if rows can't be built, before anything is written
        loaded = _load(path, verdict.head, superuser, held, folder, watch)
        if held.head != verdict.head:
            raise ProblemError(why=f"{path} was changed while it was read. Import it again.")
        drift = find_drift(superuser, [], held.keeping(watch))
        rebuilt = look_again(superuser, write_rows(superuser, held, superuser, drift, removing=(), watch=watch))
    return Imported(verdict, loaded, sorted(verdict.collections - drift.targets.keys()), rebuilt)


def _check_beginning(path: Path, head: Head) -> None:
    """Make sure that a log which ends with `head` is the beginning of an export, as an empty one always is.

    Raises:
        ProblemError: when it isn't.
    """
    if head == EMPTY:
        return
    if any(event.head == head for page in ExportFile(path).log(head.seq - 1, head.seq) for event in page):
        return
    raise ProblemError(
        why=f"The log has events already (it ends with seq {head.seq}), and they are not the beginning of {path}."
        " Import into an empty log. Nothing was changed."
    )


def _load(path: Path, end: Head, superuser: Gateway, held: Holding, folder: ExportFolder, watch: Watch) -> int:
    """Append and record the events up to `end` that are not there yet, while the head is held; returns how many.

    An event and its place in the log come in one transaction, and a seq is unique (an index sees to it),
    so this can be interrupted anywhere and done again.

    Raises:
        ProblemError: when PocketBase refuses an event, or somebody else has recorded one.
        TroubleError: when PocketBase can't answer now.
    """
    status, loaded = superuser.status(), 0
    most = AT_ONCE if status.appending else ONE_BY_ONE
    pages = watch(ExportFile(path).log(held.head.seq, end.seq), "importing", end.seq - held.head.seq)
    coming = (with_id(event) for page in pages for event in page)
    waiting: list[Recorded] = []
    while waiting := waiting or _some(coming, most):
        some = _alike(waiting[:most])
        for file in (file for event in some for file in files_of(event)):
            superuser.files.put(again(file), folder.pieces(file.hash))
        try:
            refused = _send(Load(held.head, some, stamped=status.stamping), superuser, at_once=status.appending)
        except BatchTooLargeError as error:
            most = error.half(len(some))
            continue
        if refused is not None:
            which = f"event of seq {some[refused.index].seq}" if refused.index < len(some) else "head of the log"
            raise ProblemError(
                why=f"PocketBase refused the {which}: {refused.why} The log ends with seq {held.head.seq}."
                f" {what_to_do(refused.why)}, then import again."
            )
        held.moved(some[-1].head)
        loaded, waiting = loaded + len(some), waiting[len(some) :]
        if held.keep() != Committed():
            raise ProblemError(why="Somebody else has recorded events meanwhile: this log no longer matches the file.")
    return loaded


def _alike(events: list[Recorded]) -> list[Recorded]:
    """The first event if it has files, which take their time and room; else all before the first one that has."""
    place = next((place for place, event in enumerate(events) if event.file_hashes), len(events))
    return events[: max(1, place)]


def _send(load: Load, superuser: Gateway, *, at_once: bool) -> Failed | None:
    """Append and record these in one transaction. None, or the first event that PocketBase refused, or the head."""
    if any(event.file_hashes for event in load.events):  # for which neither trigger has room
        return superuser.append(load_requests(replace(load, stamped=False)))
    at_once = at_once and sum(len(str(event.data)) for event in load.events) <= MAX_CHARS
    if at_once and superuser.append(load_requests(replace(load, at_once=True))) is None:
        return None
    # One by one, PocketBase says which event it refuses, and why.
    return superuser.append(load_requests(load))


def what_to_do(why: str) -> str:
    """What to do if PocketBase refuses an event for this reason."""
    if why.startswith("id: "):
        return "Events with the same id are pending or rejected here: delete those, as a superuser"
    if why.startswith("files: "):
        return "Attach the collections here first, or raise the maximum size of the field files of events"
    return RAISE_LIMIT if why.startswith("data: ") else "Mend that"


def with_id(event: Recorded) -> Recorded:
    """The event with its record's id; one from an older export gets an id that is the same at every attempt."""
    return event if event.id else replace(event, id=event.event_id.replace("-", "")[-15:])


def _some(events: Iterator[Recorded], most: int) -> list[Recorded]:
    """The next events, as many as fit into a transaction."""
    some: list[Recorded] = []
    size = 0
    for event in islice(events, most):
        some.append(event)
        size += len(str(event.data))
        if size > MAX_CHARS:
            break
    return some
