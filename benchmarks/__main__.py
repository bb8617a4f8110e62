"""`make bench`: measure, print a table, and keep it with its plot."""

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from io import StringIO
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from support import Server, installed_binary, set_up

from benchmarks import (
    of_batches,
    of_growth,
    of_history,
    of_hooks,
    of_latency,
    of_loading,
    of_neighbours,
    of_reading,
    of_recording,
    of_streams,
)
from benchmarks.measure import Figure
from benchmarks.plot import draw
from benchmarks.world import Worlds

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PARTS: dict[str, Callable[[Worlds], Iterator[Figure]]] = {
    "recording": of_recording.measure,
    "loading": of_loading.measure,
    "latency": of_latency.measure,
    "hooks": of_hooks.measure,
    "batches": of_batches.measure,
    "growth": of_growth.measure,
    "history": of_history.measure,
    "reading": of_reading.measure,
    "neighbours": of_neighbours.measure,
    "streams": of_streams.measure,
}
Part = StrEnum("Part", list(PARTS))
Results = dict[str, dict[str, Any]]  # by part


def main(
    parts: Annotated[list[Part] | None, typer.Argument(metavar="[PART]...", help="Which; all of them.")] = None,
) -> None:
    """Measure, print a table, and keep it in results.json and README.md. Exits with 1 where a target is missed."""
    console, started = Console(width=None if sys.stdout.isatty() else 200), time.monotonic()
    figures: dict[str, list[Figure]] = {}
    with tempfile.TemporaryDirectory(prefix="benchmarks") as base:
        worlds = Worlds(Path(base), Path(base) / "template")
        set_up(Server(worlds.template))
        for part in parts or list(Part):
            figures[part] = []
            for figure in PARTS[part](worlds):
                figures[part].append(figure)
                typer.echo(f"{time.monotonic() - started:4.0f} s  {figure.name}: {figure.ratio:.2f}", err=True)
    results = _kept(figures)
    console.print(_table(results, list(figures)))
    missed = [figure for found in figures.values() for figure in found if not figure.met]
    for figure in missed:
        console.print(f"{figure.name}: {figure.ratio:.2f}, the target is {figure.target:g}", markup=False)
    console.print(f"{time.monotonic() - started:.0f} s")
    raise typer.Exit(1 if missed else 0)


def _kept(figures: dict[str, list[Figure]]) -> Results:
    """All results that there are, these among them; the README shows them once there are some of each part."""
    results: Results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    version = subprocess.run([installed_binary(), "--version"], capture_output=True, text=True, check=True).stdout
    for part, found in figures.items():
        results[part] = {
            "measured": datetime.now(UTC).isoformat(timespec="minutes"),
            "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}, PocketBase {version.split()[-1]}",
            "figures": [figure.as_json() for figure in found],
        }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    if results.keys() == PARTS.keys():
        draw(results, HERE / "plot.svg")
        page = HERE / "README.md"
        table = "\n".join(["<!-- table -->", "", *_lines(results), "", "<!-- /table -->"])
        page.write_text(re.sub("<!-- table -->.*<!-- /table -->", lambda _: table, page.read_text(), flags=re.DOTALL))
    return results


def _lines(results: Results) -> list[str]:
    """The table as Markdown, and where it was measured."""
    page = StringIO()
    Console(width=250, file=page).print(_table(results, list(PARTS)))
    when = ", ".join(sorted({found["measured"][:10] for found in results.values()}))
    machines = "; ".join(sorted({found["machine"] for found in results.values()}))
    return [*page.getvalue().strip().splitlines(), "", f"Measured on {when}: {machines}."]


def _table(results: Results, parts: Sequence[str]) -> Table:
    """A line for each figure."""
    table = Table("what", box=box.MARKDOWN)
    for name in ("ours", "against", "what that is", "ratio", "lowest to highest", "target"):
        table.add_column(name, justify="left" if name.startswith("what") else "right")
    for part in parts:
        for figure in results[part]["figures"]:
            ratios = [one / other for one, other in zip(figure["ours"], figure["theirs"], strict=True)]
            ours, theirs = (_shown(median(figure[side]), figure["unit"]) for side in ("ours", "theirs"))
            sign = "at most" if figure["cost"] else "at least"
            target = f"{sign} {figure['target']:g}" if figure["target"] else ""
            spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
            table.add_row(figure["name"], ours, theirs, figure["against"], f"{figure['ratio']:.2f}", spread, target)
    return table


def _shown(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.1f} {unit}"


if __name__ == "__main__":
    typer.run(main)
