"""Progress bars on a terminal's standard error; silence elsewhere."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from pocketbase_events.jobs.watch import Watch
from pocketbase_events.pb.source import Page


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


@contextmanager
def progress() -> Iterator[Watch]:
    """A watch that shows a bar with rate and time left, only while pages come, so that questions can be asked."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    bars = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)

    def watch(pages: Iterable[Page], what: str, total: int) -> Iterator[Page]:
        task = bars.add_task(what, total=total or None)
        bars.start()
        for page in pages:
            yield page
            bars.advance(task, len(page))
        bars.stop()
        bars.remove_task(task)

    try:
        yield watch
    finally:
        bars.stop()
