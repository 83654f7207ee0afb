"""Divides the cells of a run into batches, each for one job of a cluster."""

from collections.abc import Callable, Iterable, Mapping, Sequence
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
    timed: Callable[[Cell], bool] = lambda _: False,
) -> list[Batch]:
    """Batches of about `most_s` expected seconds; each search is a batch of its own, and the first.

    Cells that wait for one search are in batches without others; `timed` are those whose times count.
    """
    cells = list(cells)
    here = {cell.identity for cell in cells}
    alike: dict[tuple[str | None, bool], list[Cell]] = {}
    batches = []
    for cell in cells:
        if models[cell.model].searches:
            batches.append(Batch((cell,), alone=timed(cell)))
        else:
            search = cell.params_from if cell.params_from in here else None
            alike.setdefault((search, timed(cell)), []).append(cell)
    for (search, alone), group in alike.items():
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
