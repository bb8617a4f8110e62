"""Progress bars on a terminal's standard error; silence elsewhere."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from pocketbase_events.jobs.check import Watch
from pocketbase_events.pb.source import Page


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


@contextmanager
def progress() -> Iterator[Watch]:
    """What shows how far pages have come, with their rate and the time left."""
    with _bars() as bars:

        def watch(pages: Iterable[Page], what: str, total: int) -> Iterator[Page]:
            task = bars.add_task(what, total=total or None)
            for page in pages:
                yield page
                bars.advance(task, len(page))

        yield watch


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """What is told of so many more that are done."""
    with _bars() as bars:
        task = bars.add_task(what, total=total)
        yield lambda done: bars.advance(task, done)


def _bars() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
