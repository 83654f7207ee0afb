"""Tables over random splits, and of where variance comes from."""

from collections.abc import Collection
from itertools import combinations
from statistics import fmean

import numpy as np
from hexbench.analyse import intervals
from hexbench.analyse.groups import RANDOM, Group, Setting
from hexbench.plan.cell import Value
from hexbench.report.columns import Listing, seeds, setting_name
from hexbench.report.slices import Slices
from hexbench.report.table import Table, count
from hexbench.report.tables import size_and_epochs

SOURCES = ("initialisation", "order", "subset", "split")
"""Of variance, in the order of the table."""


def ahead(slices: Slices) -> Table:
    """Each pair of models on all or most images, on the random splits that both have."""
    best: dict[str, Setting] = {}
    for setting, group in slices.groups.items():
        if setting.split == RANDOM and not setting.varied and group.records and not setting.subset.held_out:
            best[setting.model] = max(best.get(setting.model, setting), setting, key=size_and_epochs)
    rows = []
    for one, other in combinations(best.values(), 2):
        a, b = (_by_split(slices.groups[setting]) for setting in (one, other))
        common = sorted(a.keys() & b.keys())
        if len(common) > 1:
            apart = [a[split] - b[split] for split in common]
            found = intervals.over_splits(apart, one.test_size or 0.0)
            rows.append(
                (
                    f"{setting_name(slices, one)} minus {setting_name(slices, other)}".replace(
                        ", random splits", ""
                    ),
                    intervals.written(found, intervals.POINTS),
                    f"{100 * float(np.std(apart, ddof=1)):.1f}",
                    f"{sum(value > 0 for value in apart)} of {len(apart)}",
                )
            )
    note = (
        "Test accuracy on random splits, each with a seed of its own. The interval is that of the corrected "
        "resampled t-test, for splits of one data set share images."
    )
    header = ("difference", "mean", "sd over splits (pp)", "splits with the first ahead")
    return Table("Models on random splits", note, header, rows, "lrrr")


def _by_split(group: Group) -> dict[Value, float]:
    found: dict[Value, list[float]] = {}
    for record, value in zip(group.records, group.metric("test_accuracy"), strict=True):
        found.setdefault(record.split, []).append(value)
    return {split: fmean(values) for split, values in found.items()}


def variance(slices: Slices) -> Listing | None:
    """Standard deviations of test accuracy where one source is varied alone; None where none was."""
    varied = [setting for setting in slices.groups if setting.varied]
    if not varied:
        return None
    sizes = {setting.subset.size for setting in varied}
    rows, listed = [], list(varied)
    for setting, group in slices.groups.items():
        alone = setting.varied or _source(setting, group, slices, sizes)
        last = max((record.epochs or 0 for record in group.records), default=0)
        if alone and len(group) > 2 and setting.epochs in (None, last):
            listed.append(setting)
            values = 100 * np.array(group.metric("test_accuracy"))
            low, high = intervals.spread(values.tolist())
            deviation = f"{values.std(ddof=1):.2f} ({low:.2f}-{high:.2f})"
            rows.append(
                (slices.runs.label(setting.model), count(setting.subset.size), alone, deviation, seeds(group))
            )
    rows.sort(
        key=lambda row: (
            [slices.runs.label(m) for m in slices.runs.models].index(row[0]),
            SOURCES.index(row[2]),
        )
    )
    note = (
        "Each row varies one source and holds the others: the initial weights, the order of the training "
        "images, which of the training images are used, and the split into training and test images."
    )
    header = ("model", "train size", "varied", "sd of test accuracy, pp (95% CI)", "runs")
    return Listing(Table("Where variance comes from", note, header, rows, "lrlrr"), listed)


def _source(setting: Setting, group: Group, slices: Slices, sizes: Collection[int]) -> str:
    """The only source that differs between these cells, where that is not said of them."""
    subset = setting.subset
    if subset.size not in sizes or subset.held_out or subset.resplit or subset.classes is not None:
        return ""
    fixed = slices.runs.facts(setting.model).deterministic
    if setting.split == RANDOM:
        return "split" if fixed or len({record.seed for record in group.records}) == 1 else ""
    return "subset" if fixed else ""
