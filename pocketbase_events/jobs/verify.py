"""Is the log what was recorded? In PocketBase, in an export, or in a stream."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from pocketbase_events.core.chain import Chain, Problem
from pocketbase_events.core.events import EMPTY, Head, Recorded
from pocketbase_events.core.files import EVENTS_ID, File, files_of
from pocketbase_events.jobs.used_ids import UsedIds
from pocketbase_events.jobs.watch import Watch, unwatched
from pocketbase_events.pb.export_file import BadLine, ExportFile, line_of
from pocketbase_events.pb.export_folder import ExportFolder
from pocketbase_events.pb.source import Source
from pocketbase_events.stream.stream import Stream

NO_EVENTS = (
    "the file has no events. So has an export of an empty log, but also one that failed: export the log again to be"
    " sure."
)


@dataclass(slots=True)
class Verdict:
    """How many events were checked, how they end, and what is wrong with them."""

    events: int = 0
    head: Head = EMPTY
    problems: list[Problem] = field(default_factory=list)
    collections: set[str] = field(default_factory=set)  # that the events of a file are about


def verify(
    source: Source,
    watch: Watch = unwatched,
    sink: Callable[[str], object] | None = None,
    files: Callable[[File], str | None] | None = None,
) -> Verdict:
    """Check all recorded events and the head.

    Args:
        source: reads the log.
        watch: shows progress.
        sink: is given each event as a line of an export.
        files: says why a file of an event is not what was recorded, None if it is. Without, no file is looked at.

    Raises:
        TroubleError: when PocketBase can't answer now.
    """
    status = source.status()
    with closing(UsedIds()) as used:
        chain, verdict = Chain(used.first_use), Verdict()
        to = max(status.seq, status.last_seq)
        for page in watch(source.log(0, to), "reading the log", to):
            used.note((event.event_id, event.seq) for event in page)
            for event in page:
                verdict.problems += chain.check(event)
                verdict.problems += _of_files(event, files)
            if sink is not None:
                sink("".join(map(line_of, page)))
        return _ended(verdict, chain, status.head)


def verify_file(path: Path, watch: Watch = unwatched, files: Callable[[File], str | None] | None = None) -> Verdict:
    """Check an export. One without any events is a problem. `files` is as in `verify`.

    Raises:
        WrongUsageError: when the file can't be read.
    """
    verdict, lines = _verify_lines(watch(ExportFile(path).lines(), "reading the file", 0), "line", files)
    if not lines:
        verdict.problems.append(Problem(1, NO_EVENTS))
    return verdict


def verify_stream(stream: Stream, watch: Watch = unwatched) -> Verdict:
    """Check the events of a stream.

    Raises:
        StreamTroubleError: when there is no stream, or NATS can't answer now.
    """
    last = stream.state().last
    pages = ([message.event for message in page] for page in stream.messages(0, last))
    return _verify_lines(watch(pages, "reading the stream", last), "message")[0]


def _verify_lines(
    pages: Iterable[Sequence[Recorded | BadLine]], what: str, files: Callable[[File], str | None] | None = None
) -> tuple[Verdict, int]:
    """Check what an export, or another copy of the log, holds; and how many lines it has."""
    with closing(UsedIds()) as used, closing(UsedIds()) as used_records:
        chain, verdict, lines = Chain(used.first_use), Verdict(), 0
        for page in pages:
            lines += len(page)
            events = [event for event in page if isinstance(event, Recorded)]
            used.note((event.event_id, event.seq) for event in events)
            used_records.note((event.id, event.seq) for event in events)
            for event in page:
                if isinstance(event, BadLine):
                    reason = f"{what} {event.number} is not an event: {event.why}"
                    verdict.problems.append(Problem(chain.head.seq + 1, reason))
                    continue
                verdict.problems += chain.check(event)
                verdict.problems += _of_files(event, files)
                verdict.collections.add(event.collection)
                earlier = used_records.first_use(event.id, event.seq)
                if earlier is not None:
                    verdict.problems.append(Problem(event.seq, f"its id is used twice, by seq {earlier} before it."))
        return _ended(verdict, chain, None), lines


def stored_in(source: Source) -> Callable[[File], str | None]:
    """Says why a file that PocketBase stores is not what was recorded; None if it is."""

    def why_not(file: File) -> str | None:
        there = source.file_hash(EVENTS_ID, file.event, file)
        if there is None:
            return f"its file {file.number} ({file}) is gone from PocketBase's storage, or can't be read."
        return None if there == file.hash else f"its file {file.number} ({file}) was changed in PocketBase's storage."

    return why_not


def exported_to(folder: ExportFolder) -> Callable[[File], str | None]:
    """Says why a file beside an export is not what was recorded; None if it is."""

    def why_not(file: File) -> str | None:
        there = folder.file_hash(file.hash)
        if there is None:
            return f"its file {file.number} is missing: there is no {folder.path / file.hash}."
        return None if there == file.hash else f"its file {file.number} was changed: {folder.path / file.hash}."

    return why_not


def _of_files(event: Recorded, why_not: Callable[[File], str | None] | None) -> Iterator[Problem]:
    for file in files_of(event) if why_not is not None and event.file_hashes else ():
        if why_not is not None and (why := why_not(file)) is not None:
            yield Problem(event.seq, why)


def _ended(verdict: Verdict, chain: Chain, head: Head | None) -> Verdict:
    verdict.problems += chain.end(head)
    verdict.problems.sort(key=lambda problem: problem.seq)
    verdict.events, verdict.head = chain.events, chain.head
    return verdict
