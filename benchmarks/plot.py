"""The plot in the README."""

from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas

from benchmarks.of_batches import BEFORE

FLAT = 1.2  # times the cost of an event in an empty log, at most


def draw(results: dict[str, Any], file: Path) -> None:
    """Events a second by size of a request, and by size of the log; and the distribution of latency."""
    mpl.rcParams["svg.hashsalt"] = "pocketbase-events"  # so that the same results are the same file
    canvas = Canvas(figsize=(15, 3.6), layout="constrained")
    batches, growth, latency = canvas.subplots(1, 3)
    _batches(batches, results["batches"]["figures"])
    _growth(growth, results["growth"]["figures"])
    _latency(latency, results["latency"]["figures"])
    canvas.savefig(file, metadata={"Date": None})


def _batches(axes: Any, figures: list[dict[str, Any]]) -> None:
    axes.set_title("Appended and recorded, by size of a request")
    sizes = [figure["details"]["size"] for figure in figures]
    lines = {
        "PocketBase, rows without events": [median(figure["details"]["rows"]) for figure in figures],
        "pb_hooks": [median(figure["theirs"]) for figure in figures],
        "ours": [median(figure["ours"]) for figure in figures],
        "ours, before": [BEFORE[size] for size in sizes],
    }
    for name, rates in lines.items():
        axes.plot(range(len(sizes)), rates, ":" if "before" in name else "-", marker="o", label=name)
    axes.set_xticks(range(len(sizes)), map(str, sizes))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("in a request")
    axes.set_ylabel("a second")
    axes.legend(fontsize="small")


def _growth(axes: Any, figures: list[dict[str, Any]]) -> None:
    axes.set_title("One event after the other")
    points = figures[0]["details"]["points"]
    rates = [1000 / milliseconds for milliseconds in points.values()]
    axes.plot(range(len(points)), rates, marker="o")
    axes.axhline(rates[0] / FLAT, linewidth=0.7, linestyle=":")
    axes.set_xticks(range(len(points)), [f"{int(size):,}" for size in points])
    axes.set_ylim(bottom=0)
    axes.set_xlabel(f"recorded events (dotted: {FLAT} times the cost)")
    axes.set_ylabel("recorded a second")


def _latency(axes: Any, figures: list[dict[str, Any]]) -> None:
    axes.set_title("From the append to the row")
    of_rows = [figure for figure in figures if figure["name"].startswith("append to row")]
    for figure, style in zip(of_rows, ("-", "--"), strict=True):
        clients = figure["name"].split(", ")[1]
        for name, quantiles in figure["details"]["distribution"].items():
            colour = "C0" if name.startswith("append") else "C1"
            axes.plot(quantiles, range(101), style, color=colour, label=f"{name}, {clients}")
    axes.set_xscale("log")
    axes.set_xlabel("milliseconds")
    axes.set_ylabel("per cent within")
    axes.legend(fontsize="small")
