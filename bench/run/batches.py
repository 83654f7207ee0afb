"""Divides the cells of a run into batches, each for one job of a cluster."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from hexbench.models import Entry
from hexbench.plan.cell import Cell


@dataclass(frozen=True)
class Batch:
    """Cells that one job measures, one after another."""

    cells: tuple[Cell, ...]
    search: str | None = None
    """The identity of the search in another batch that all of them wait for."""
    alone: bool = False
    """Whether they need a machine to themselves."""


def divided(
    cells: Iterable[Cell],
    models: Mapping[str, Entry],
    seconds: Callable[[Cell], float],
    most_s: float,
    unsearched: Set[str],
    timed: Callable[[Cell], bool] = lambda _: False,
) -> list[Batch]:
    """Batches of about `most_s` expected seconds; each search is a batch of its own, and those come first.

    `unsearched` are the identities of searches without a record: cells that wait for one of them are in
    batches without others. `timed` are cells whose times count.
    """
    alike: dict[tuple[str | None, bool], list[Cell]] = {}
    batches = []
    for cell in cells:
        if models[cell.model].searches:
            batches.append(Batch((cell,), alone=timed(cell)))
        else:
            search = cell.params_from if cell.params_from in unsearched else None
            alike.setdefault((search, timed(cell)), []).append(cell)
    for (search, alone), group in sorted(alike.items(), key=lambda item: item[0][0] is not None):
        batches += [Batch(tuple(part), search, alone) for part in _filled(group, seconds, most_s)]
    return batches


def _filled(cells: Sequence[Cell], seconds: Callable[[Cell], float], most_s: float) -> Iterable[list[Cell]]:
    part: list[Cell] = []
    total = 0.0
    for cell in cells:
        expected = seconds(cell)
        if part and total + expected > most_s:
            yield part
            part, total = [], 0.0
        part.append(cell)
        total += expected
    if part:
        yield part
