"""history: every event of an item."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from pocketbase_events.cli.options import FullOption, JsonOption, LimitOption, NatsOption, StreamOption
from pocketbase_events.cli.output import KIND_COLOURS, PAGE, is_terminal, print_json, print_table, say
from pocketbase_events.cli.table import Column
from pocketbase_events.cli.text import shown
from pocketbase_events.jobs import history as past
from pocketbase_events.pb.connect import gateway
from pocketbase_events.stream.messages import DEFAULT_STREAM
from pocketbase_events.stream.source import log_from

COLUMNS = (
    Column("seq", whole=True),
    Column("when (UTC)", whole=True),
    Column("type", whole=True, colours=KIND_COLOURS),
    Column("actor", whole=True),
    Column("field", colours={"": "bold"}),
    Column("from", colours={"": "red"}),
    Column("to", colours={"": "green"}),
)
REASON = Column("reason")


def history(
    context: typer.Context,
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="A collection of the log.")],
    item: Annotated[str, typer.Argument(metavar="ITEM", help="The id of an item.")],
    limit: LimitOption = None,
    nats: NatsOption = None,
    stream: StreamOption = DEFAULT_STREAM,
    full: FullOption = False,
    as_json: JsonOption = False,
) -> None:
    """Tell every recorded event of an item: who changed what, from what to what, when, and why. Newest first.

    Example: pocketbase-events history notes abc123def456ghi
    """
    with gateway(context.obj) as here, log_from(here, nats, stream) as seen:
        events = list(past.history(seen, collection, item))
    if not events and not as_json:
        say(f"The log has no event of {item} in {collection}.")
        return
    most = limit or (PAGE if is_terminal() and not as_json else len(events))
    newest = events[-most:] if most else []
    if as_json:
        print_json(newest)
        return
    columns = (*COLUMNS, REASON) if any(event["reason"] for event in newest) else COLUMNS
    rows = _rows(newest[::-1], repeating=not is_terminal())
    print_table(columns, (row[: len(columns)] for row in rows), full=full)
    if len(newest) < len(events):
        say(f"… and {len(events) - len(newest)} older events: --limit {len(events)} shows them.")


def _rows(events: Sequence[dict[str, Any]], *, repeating: bool) -> Iterator[tuple[str, ...]]:
    """A row for each change; whether each of them, or only an event's first, repeats what the event is."""
    for event in events:
        first = (str(event["seq"]), event["timestamp"], event["type"], event["actor"])
        changes = [(name, shown(old), shown(new)) for name, (old, new) in event["changes"].items()] or [("", "", "")]
        for place, change in enumerate(changes):
            told = repeating or not place
            yield *(first if told else ("",) * len(first)), *change, event["reason"] if told else ""
