"""Times of two runs, compared."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import geometric_mean

from hexbench.analyse import intervals
from hexbench.analyse.groups import Setting
from hexbench.analyse.intervals import Estimate
from hexbench.analyse.runs import Runs
from hexbench.store.record import Done


@dataclass(frozen=True)
class Timing:
    """One time of one setting in both runs, on one machine and device."""

    setting: Setting
    time: str
    """Its name in a record's `times`."""
    hardware: tuple[str, str]
    """Machine and device."""
    first: list[float]
    second: list[float]
    """Seconds of the runs that had the machine to themselves, whatever their seeds."""

    @property
    def means(self) -> tuple[float, float]:
        """Geometric means of the seconds, whose ratio is estimated."""
        return geometric_mean(self.first), geometric_mean(self.second)

    @property
    def ratio(self) -> Estimate:
        """Second by first with its own 95% interval, which has no end where a side has a single run."""
        return intervals.ratio(self.second, self.first)

    @property
    def has_interval(self) -> bool:
        """Whether there are runs enough to claim one."""
        return isfinite(self.ratio.high)


def compare_times(first: Runs, second: Runs) -> list[Timing]:
    """The times of every setting that both runs measured undisturbed on the same hardware."""
    found = [_seconds(runs) for runs in (first, second)]
    return [Timing(*key, seconds, found[1][key]) for key, seconds in found[0].items() if key in found[1]]


def not_compared(first: Runs, second: Runs) -> list[str]:
    """Why settings that both runs measured have no times side by side, a sentence for each cause."""
    common = [(cells, second.cells[s]) for s, cells in first.cells.items() if s in second.cells]
    elsewhere = [pair for pair in common if not _hardware(pair[0]) & _hardware(pair[1])]
    disturbed = sum(not _hardware(_clean(a)) & _hardware(_clean(b)) for a, b in common)
    disturbed -= len(elsewhere)
    sentences = []
    if elsewhere:
        sentences.append(
            f"Times of {len(elsewhere)} of {len(common)} settings are not compared: they ran on other "
            f"hardware, {_what_differs(elsewhere)}."
        )
    if disturbed:
        sentences.append(
            f"Times of {disturbed} of {len(common)} settings are not compared: in one of the runs no "
            "cell had the machine to itself."
        )
    return sentences


def _seconds(runs: Runs) -> dict[tuple[Setting, str, tuple[str, str]], list[float]]:
    """Of the undisturbed cells, by setting, name of the time, and hardware."""
    found: dict[tuple[Setting, str, tuple[str, str]], list[float]] = {}
    for setting, cells in runs.cells.items():
        by_epochs = runs.facts(setting.model).learning_curve
        for record in _clean(cells):
            for name in ("epoch_s",) if by_epochs else ("search_s", "train_s"):
                seconds = getattr(record.times, name)
                if seconds:
                    key = (setting, name, _where(record))
                    found.setdefault(key, []).append(seconds)
    return found


def _clean(cells: Iterable[Done]) -> list[Done]:
    return [record for record in cells if record.timing_clean]


def _where(record: Done) -> tuple[str, str]:
    return record.environment.machine, record.device


def _hardware(cells: Iterable[Done]) -> set[tuple[str, str]]:
    return {_where(record) for record in cells}


def _what_differs(pairs: Sequence[tuple[Sequence[Done], Sequence[Done]]]) -> str:
    differing = []
    for place, name in enumerate(("machine", "device")):
        held = [[{where[place] for where in _hardware(side)} for side in pair] for pair in pairs]
        if any(first != second for first, second in held):
            first, second = (
                " and ".join(sorted(set[str]().union(*side))) for side in zip(*held, strict=True)
            )
            differing.append(f"{name} {first} → {second}")
    return ", ".join(differing)
