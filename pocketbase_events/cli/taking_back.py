"""What `undo` and `revert` have in common: show what would be appended, ask, append, and print."""

import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import typer
from rich.console import Console

from pocketbase_events.cli.output import PAGE, PROBLEM, SHOWN, print_json, print_table, say, tell
from pocketbase_events.cli.progress import progress
from pocketbase_events.cli.questions import agreed
from pocketbase_events.cli.table import Column
from pocketbase_events.cli.text import shown
from pocketbase_events.core.events import Recorded
from pocketbase_events.core.groups import MAX_GROUP
from pocketbase_events.core.undo import Step
from pocketbase_events.errors import (
    AppendRefusedError,
    BatchDisabledError,
    BatchTooLargeError,
    EventRejected,
    ProblemError,
    UnrecordedError,
)
from pocketbase_events.jobs.take_back import Append, Proposal, carry_out, expect_unchanged, patient_append
from pocketbase_events.jobs.watch import Watch
from pocketbase_events.pb.connect import appending
from pocketbase_events.pb.gateway import Gateway
from pocketbase_events.settings import Settings

COLUMNS = (
    Column("item", whole=True),
    Column("field", colours={"": "bold"}),
    Column("from", colours={"": "red"}),
    Column("to", colours={"": "green"}),
)
COLLECTION = Column("collection", whole=True)  # where several are concerned
WITH_A_SUPERUSER = (
    "Rules don't bind superusers: set POCKETBASE_SUPERUSER_EMAIL and POCKETBASE_SUPERUSER_PASSWORD to append as one."
)

Propose = Callable[[Gateway, Watch], Proposal]


class How(NamedTuple):
    """How to do it, whatever is taken back."""

    yes: bool
    limit: int | None
    full: bool
    as_json: bool


class _Done(NamedTuple):
    """What was appended: what was recorded, the ids of what is pending, and why there is not more."""

    recorded: Sequence[Recorded]
    pending: Sequence[str] = ()
    why: str = ""


def take_back(settings: Settings, propose: Propose, how: How) -> None:
    """Show what a proposal would append, ask, append it, wait, and print. Exit code 1 if something was left out."""
    with appending(settings) as connection, progress() as watch:
        source = Gateway(connection)
        proposed = propose(source, watch)
        _preview(proposed, how)
        done = _Done([])
        if proposed.items:
            if not how.yes and not agreed(_question(proposed), "To append without being asked, give --yes."):
                raise ProblemError(why="Nothing was appended.")
            expect_unchanged(source, proposed)
            done = _append(proposed, patient_append(connection, source), watch, settings)
    _report(proposed, done, as_json=how.as_json)
    if done.why or proposed.left_out or proposed.conflicts_left:
        raise typer.Exit(PROBLEM)


def _preview(proposed: Proposal, how: How) -> None:
    """Show each change, and what is left out, beside the report."""
    steps = proposed.steps
    most = how.limit or (PAGE if Console(stderr=True).is_terminal else len(steps))
    several = len({step.collection for step in steps}) > 1
    if steps:
        rows = ((step.collection, *_row(step))[not several :] for step in steps[:most])
        print_table((COLLECTION, *COLUMNS)[not several :], rows, full=how.full, beside=True)
    if len(steps) > most:
        say(f"… and {len(steps) - most} more changes: --limit {len(steps)} shows them.")
    for line in [*_conflicts(proposed), *_left_out(proposed)]:
        say(line)
    if len(steps) > MAX_GROUP:
        say(
            f"These are {len(steps)} events, more than the {MAX_GROUP} of one group: they are appended in groups, one"
            " after the other, each recorded whole or not at all."
        )
    sys.stderr.flush()


def _row(step: Step) -> tuple[str, ...]:
    return step.item_id, step.field, shown(step.old), shown(step.new)


def _conflicts(proposed: Proposal) -> list[str]:
    what = "which is lost" if proposed.forced else "so this is left out; --force takes it back all the same"
    lines = [
        f'seq {each.seq}: "{each.field}" was changed again by seq {each.later_seq}, {what}.'
        for each in proposed.conflicts[:SHOWN]
    ]
    more = len(proposed.conflicts) - len(lines)
    return [*lines, f"… and {more} more conflicts: --json lists all."] if more else lines


def _left_out(proposed: Proposal) -> list[str]:
    return [
        f'{each.collection}: "{each.field}" of {each.items} {"item" if each.items == 1 else "items"} is left out:'
        f" {each.why}"
        for each in proposed.left_out
    ]


def _question(proposed: Proposal) -> str:
    count = len(proposed.steps)
    return f"Append {count} {'event that does' if count == 1 else 'events that do'} this?"


def _append(proposed: Proposal, append: Append, watch: Watch, settings: Settings) -> _Done:
    recorded: list[Recorded] = []
    try:
        for group in watch(carry_out(proposed, append), "appending", len(proposed.steps)):
            recorded += group
    except UnrecordedError as error:
        return _Done(recorded, error.ids, str(error))
    except EventRejected as error:
        return _Done(recorded, why=f"The event {error.id} was rejected, and its group with it: {error}")
    except AppendRefusedError as error:
        return _Done(recorded, why=str(error) if settings.has_superuser else f"{error} {WITH_A_SUPERUSER}")
    except (BatchDisabledError, BatchTooLargeError):
        raise
    except BaseException:  # PocketBase is gone, or Ctrl-C: what was recorded stays
        say(
            f"{len(recorded)} of {len(proposed.steps)} events were recorded, and perhaps some more. To take them back:"
            f" pocketbase-events undo --together {proposed.together}"
        )
        raise
    return _Done(recorded)


def _report(proposed: Proposal, done: _Done, *, as_json: bool) -> None:
    if as_json:
        recorded = [{"id": event.id, "seq": event.seq} for event in done.recorded]
        print_json(
            {
                "appended": [*recorded, *({"id": record_id, "seq": 0} for record_id in done.pending)],
                "conflicts": [
                    {"seq": each.seq, "field": each.field, "later_seq": each.later_seq}
                    for each in proposed.conflicts_left
                ],
            }
        )
    elif done.recorded:
        first, last = done.recorded[0], done.recorded[-1]
        count = len(done.recorded)
        what = (
            f"event was recorded, seq {first.seq}"
            if count == 1
            else f"events were recorded, seq {first.seq} to {last.seq}"
        )
        tell(f"{count} {what}. To take that back: pocketbase-events undo --together {proposed.together}")
    elif not proposed.items:
        tell("There is nothing to append.")
    if done.why:
        say(f"Error: {done.why}")
        left = len(proposed.steps) - len(done.recorded) - len(done.pending)
        if left and done.recorded:
            say(f"{left} of {len(proposed.steps)} events are not in the log.")
