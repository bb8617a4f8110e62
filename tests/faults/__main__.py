"""Break a real PocketBase, real workers and what is between them, and check that nothing is lost."""

import itertools
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Annotated

import typer
from faults.campaign import Episode, chosen, play, take_ports
from faults.fault import RECOVERY, TAKEOVER, Fault
from faults.figures import FIGURES, Figure, measure
from rich import box
from rich.console import Console
from rich.table import Table
from support import Server, set_up

COUNTED = ("appended", "recorded", "rejected", "lost", "doubled")


def main(
    only: Annotated[list[str] | None, typer.Argument(metavar="[FAULT]...", help="Which faults; all of them.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed, the same run, as far as machines allow.")] = 1,
    minutes: Annotated[float, typer.Option(help="Go on in rounds for so long; 0: each fault once, briefly.")] = 0,
    jobs: Annotated[int, typer.Option(help="Worlds at a time; more of them make each recover later.")] = 2,
) -> None:
    """Run the campaign, print what came of it, and exit with 1 where a promise was broken."""
    console, started = Console(width=None if sys.stdout.isatty() else 150), time.monotonic()
    faults = [fault for fault in chosen(only or []) if not _is_skipped(fault)]
    episodes: list[Episode] = []
    base = Path(tempfile.mkdtemp(prefix="faults"))
    set_up(Server(base / "template"))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, take_ports, [context.Value("i")]) as pool:
        measured = [
            pool.submit(measure, name, base / "template", base / name, long=minutes > 0)
            for name in ([] if only else FIGURES)
        ]
        running: set[Future[Episode]] = set()
        for fault, fault_seed in _rounds(faults, seed, started + 60 * minutes):
            if len(running) == jobs:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                episodes += map(_told, done)
            folder = base / f"{fault.name}-{fault_seed}"
            running.add(pool.submit(play, fault.name, fault_seed, base / "template", folder, long=minutes > 0))
        episodes += map(_told, wait(running).done)
        figures = [figure for future in measured for figure in future.result()]
    console.print(_table(faults, episodes))
    console.print(_distribution(episodes))
    if figures:
        console.print(_figures(figures))
    kills = sum(episode.kills for episode in episodes)
    took = time.monotonic() - started
    console.print(f"seed {seed}: {len(episodes)} episodes, {kills} kills, {took:.0f} s")
    broken = [episode for episode in episodes if episode.wrong]
    too_much = [figure for figure in figures if figure.measured > figure.promised]
    for episode in broken:
        console.print(f"\n{episode.fault}, seed {episode.seed} (logs: {base}/{episode.fault}-{episode.seed}):")
        for sentence in episode.wrong:
            console.print(f"  {sentence}", markup=False)
    for figure in too_much:
        console.print(f"\n{figure.name}: {figure.measured:.2f} {figure.unit}, promised are {figure.promised:g}")
    if not broken:
        shutil.rmtree(base)
    raise typer.Exit(1 if broken or too_much else 0)


def _rounds(faults: Sequence[Fault], seed: int, end: float) -> Iterator[tuple[Fault, int]]:
    """Every fault once with the seed, then with the next one, until the time is over."""
    for number in itertools.count():
        for fault in faults:
            if number and time.monotonic() > end:
                return
            yield fault, seed + number
        if time.monotonic() > end:
            return


def _is_skipped(fault: Fault) -> bool:
    why = fault.cannot()
    if why:
        typer.echo(f"SKIPPED {fault.name}: {why}", err=True)
    return bool(why)


def _told(running: Future[Episode]) -> Episode:
    episode = running.result()
    typer.echo(f"{'BROKEN' if episode.wrong else 'ok':6} {episode.fault} (seed {episode.seed})", err=True)
    return episode


def _table(faults: Sequence[Fault], episodes: Sequence[Episode]) -> Table:
    """What came of each fault."""
    numbers = ("times", "events in", "recorded", "rejected", "lost", "doubled", "log lines", "worst recovery")
    table = Table("fault", box=box.MARKDOWN)
    for name in numbers:
        table.add_column(name, justify="right")
    for fault in faults:
        mine = [episode for episode in episodes if episode.fault == fault.name]
        accounts = [episode.account for episode in mine]
        table.add_row(
            fault.name.replace("-", " "),
            str(sum(episode.times for episode in mine)),
            *(str(sum(getattr(account, name) for account in accounts)) for name in COUNTED),
            str(sum(episode.log_lines for episode in mine)),
            f"{max((each.took for episode in mine for each in episode.recoveries), default=0):.1f} s",
        )
    return table


def _figures(figures: Sequence[Figure]) -> Table:
    """What a worker costs."""
    table = Table("figure", box=box.MARKDOWN)
    table.add_column("measured", justify="right")
    table.add_column("promised", justify="right")
    for figure in figures:
        table.add_row(figure.name, f"{figure.measured:.2f} {figure.unit}", f"{figure.promised:g} {figure.unit}")
    return table


def _distribution(episodes: Sequence[Episode]) -> Table:
    """How long it took until an event was recorded."""
    table = Table("promised within", box=box.MARKDOWN)
    for name in ("measured", "median", "90 %", "99 %", "worst"):
        table.add_column(name, justify="right")
    for limit in (RECOVERY, TAKEOVER):
        took = sorted(each.took for episode in episodes for each in episode.recoveries if each.promised == limit)
        if took:
            shares = (took[min(len(took) - 1, int(len(took) * share))] for share in (0.5, 0.9, 0.99, 1))
            table.add_row(f"{limit:.0f} s", str(len(took)), *(f"{share:.2f} s" for share in shares))
    return table


if __name__ == "__main__":
    typer.run(main)
