"""`status --watch`: a page on the terminal that stays, and shows what is going on."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from rich.console import Console
from rich.live import Live
from rich.text import Text

from pocketbase_events.cli.status_lines import lines_of
from pocketbase_events.cli.text import printable, wrapped
from pocketbase_events.errors import WrongUsageError
from pocketbase_events.jobs.status.watching import LOOK_EVERY, Sight

LABEL = 10  # cells
GOOD, BAD, QUIET = "green", "bold red", "dim"
END = f"A look every {LOOK_EVERY:.0f} s. Ctrl-C ends."
Line = tuple[str, str]  # text, style


def show(sights: Iterable[tuple[datetime, Sight]], url: str) -> None:
    """Show each sight on the whole terminal, and leave it as it was.

    Raises:
        WrongUsageError: if standard output is not a terminal that can do this.
    """
    console = Console(highlight=False)
    if not console.is_terminal or console.is_dumb_terminal:
        raise WrongUsageError(why="--watch needs a terminal. In a script, run status --json every now and then.")
    with Live(console=console, screen=True, auto_refresh=False) as live:
        for moment, sight in sights:
            live.update(page(sight, url, moment, console.width, console.height), refresh=True)


def page(sight: Sight, url: str, moment: datetime, width: int, height: int) -> Text:
    """The page for a terminal of this size. What there is no room for is named."""
    top = [(_apart(url, f"{moment:%H:%M:%S} UTC", width), "bold"), ("", "")]
    lines = [*_trouble(sight, width), *_values(sight, width), ("", ""), *_problems(sight, width)]
    room = height - len(top) - 2
    if len(lines) > room:
        lines = [*lines[: room - 1], ("… More: pocketbase-events status", QUIET)]
    lines += [("", "")] * (room - len(lines)) + [("", ""), (END[:width], QUIET)]
    return Text("\n").join(Text(text, style) for text, style in (*top, *lines))


def _apart(left: str, right: str, width: int) -> str:
    left = printable(left)[: max(0, width - len(right) - 1)]
    return f"{left}{right:>{width - len(left)}}"


def _trouble(sight: Sight, width: int) -> Iterator[Line]:
    if sight.trouble:
        yield from _wrapped(sight.trouble, width, BAD)
        yield "", ""


def _values(sight: Sight, width: int) -> Iterator[Line]:
    """The lines of `status`, with the rate and the delay; old ones are dim while there is trouble."""
    if sight.report is None:
        return
    style = QUIET if sight.trouble else ""
    lines = list(lines_of(sight.report.document, sight.report.seen_seconds))
    attached = ", ".join(text for label, text in lines if label == "attached")
    more = [("rate", _rate(sight)), ("delay", f"{sight.delay:.2f} s from append to record, of the last event")]
    head, *others = [line for line in lines if line[0] != "attached"]
    for label, text in (head, *more, *others, ("attached", attached or "nothing")):
        first, *rest = wrapped(printable(text), max(1, width - LABEL))
        yield f"{label:{LABEL}}{first}", style
        yield from ((f"{'':{LABEL}}{line}", style) for line in rest)


def _rate(sight: Sight) -> str:
    return "…" if sight.rate is None else f"{sight.rate:.1f} events a second, over the last 10 s"


def _problems(sight: Sight, width: int) -> Iterator[Line]:
    """What is wrong; nothing while there is trouble, since nobody knows."""
    if sight.report is None or sight.trouble:
        return
    if not sight.report.problems:
        yield "All is well.", GOOD
    for problem in sight.report.problems:
        yield from _wrapped(problem, width, BAD)


def _wrapped(sentence: str, width: int, style: str) -> Iterator[Line]:
    return ((line, style) for line in wrapped(printable(sentence), width))
