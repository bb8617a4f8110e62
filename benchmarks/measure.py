"""A figure: one thing against another, measured in turns within one run."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """How `ours` compares with `theirs`, turn by turn; each in `unit`.

    `target` is the ratio to reach: at most that for a `cost`, at least that for a speed;
    None where nothing is promised.
    """

    name: str
    ours: Sequence[float]
    theirs: Sequence[float]
    unit: str
    target: float | None = None
    cost: bool = False
    against: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def ratios(self) -> list[float]:
        """Of the turns."""
        return [one / other for one, other in zip(self.ours, self.theirs, strict=True)]

    @property
    def ratio(self) -> float:
        """The median."""
        return median(self.ratios)

    @property
    def met(self) -> bool:
        """Whether the target is."""
        return self.target is None or (self.ratio <= self.target if self.cost else self.ratio >= self.target)

    def as_json(self) -> dict[str, Any]:
        """What the results keep."""
        return {**asdict(self), "ratio": self.ratio}


def in_turns(times: int, ours: Callable[[], float], theirs: Callable[[], float]) -> tuple[list[float], list[float]]:
    """Both, so many times, each going first as often as the other."""
    mine: list[float] = []
    others: list[float] = []
    for turn in range(times):
        both = [(mine, ours), (others, theirs)]
        for kept, run in both if turn % 2 == 0 else reversed(both):
            kept.append(run())
    return mine, others


def quantile(values: Iterable[float], share: float) -> float:
    """The value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
