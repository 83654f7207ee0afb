"""Rules of the claims about time: only runs that had the machine to themselves count."""

from collections.abc import Sequence
from math import inf

import numpy as np

from bench.analyse import statistics
from bench.analyse.evidence import Evidence, Group
from bench.analyse.reported import EPOCHS
from bench.analyse.rules import (
    INCONCLUSIVE,
    NAMES,
    Finding,
    Rule,
    above,
    all_of,
    missing,
    number,
    times,
)
from bench.analyse.scaling import Growth
from bench.analyse.statistics import Estimate
from bench.plan.spec import CHOSEN, GRID, GRID_WITH_PROBABILITY, NESTED, REPORT

FEWEST_TIMES = 2


def _incomparable(groups: Sequence[Group]) -> Finding | None:
    """Inconclusive where times must not be set beside each other; the groups are of clean runs."""
    if min(map(len, groups)) < FEWEST_TIMES:
        return Finding(INCONCLUSIVE, "too few runs had the machine to themselves")
    if len({(r["machine"], r["device"]) for g in groups for r in g.records}) > 1:
        return Finding(INCONCLUSIVE, "the runs are of several machines")
    return None


def slower_as_reported(images: int, stated: int, much: float) -> Rule:
    """Whether the report's grid search takes `much` times as long as its networks, or longer.

    A search on so many images fits 70% of them; the networks train on all of so many.
    """

    def rule(evidence: Evidence) -> Finding:
        grid = evidence.group("svm", protocol=REPORT, fit=GRID_WITH_PROBABILITY, images=images)
        fit = evidence.group("svm", fit=CHOSEN, train_size=images)
        nets = {
            model: evidence.group(model, epoch=epochs, train_size=images, batch_size=16)
            for model, epochs in EPOCHS.items()
        }
        groups = [grid, fit, *nets.values()]
        if not all(groups):
            return missing(f"the report's grid search and its networks on {images:,} images")
        groups = [group.clean for group in groups]
        if incomparable := _incomparable(groups):
            return incomparable
        seconds = [groups[0].seconds("search_s"), groups[1].seconds("train_s")]
        trained = {model: _seconds_until(net.clean) for model, net in nets.items()}
        searched = {m: statistics.ratio(seconds[0], values) for m, values in trained.items()}
        fitted = {m: statistics.ratio(seconds[1], values) for m, values in trained.items()}
        reason = (
            f"the grid search with probability=True on {images:,} images, fitting {7 * images // 10}, takes "
            + " and ".join(
                f"{times(e)} as long as {NAMES[m]}'s {EPOCHS[m]} epochs"
                for m, e in searched.items()
            )
            + f" on {images:,}; one fit of {images:,} with the chosen parameters "
            + " and ".join(f"{e.value:.2g} times {NAMES[m]}" for m, e in fitted.items())
            + _to_equal_accuracy(evidence)
            + _extrapolated(evidence, stated)
        )
        closest = min(searched.values(), key=lambda e: e.value)
        return Finding.of(
            all_of([above(e, much) for e in searched.values()]), reason, closest, groups
        )

    return rule


def _to_equal_accuracy(evidence: Evidence) -> str:
    """Seconds to the accuracy of the SVM on the most images, its search on shared kernels included."""
    size = max(evidence.sizes("svm", NESTED, fit=CHOSEN), default=0)
    svm = evidence.group("svm", fit=CHOSEN, train_size=size)
    searched = max(evidence.sizes("svm", REPORT, "images", fit=GRID), default=0)
    search = evidence.group("svm", protocol=REPORT, fit=GRID, images=searched)
    nets = {
        model: evidence.group(model, epoch=epochs, train_size="all", batch_size=16)
        for model, epochs in EPOCHS.items()
    }
    if not (svm and search and all(nets.values())):
        return ""
    level = float(np.mean(svm.metric("test_accuracy")))
    seconds = [*search.clean.seconds("search_s")[:1], *svm.clean.seconds("train_s")[:1]]
    spent = sum(seconds) if len(seconds) == 2 else None
    words = [f"{NAMES['svm']} {_spoken(spent)} with its search on shared kernels"]
    words += [f"{NAMES[model]} {_spoken(_seconds_to(net, level))}" for model, net in nets.items()]
    return f"; to {100 * level:.1f}% of the test images " + ", ".join(words)


def _spoken(seconds: float | None) -> str:
    if seconds is None:
        return "(no clean run)"
    return "never" if seconds == inf else f"{seconds:.3g} s"


def _seconds_until(group: Group) -> list[float]:
    """Seconds of training until the group's epoch."""
    assert group.epoch is not None
    return [r["times"]["train_s"] * group.epoch / r["epochs"] for r in group.records]


def _extrapolated(evidence: Evidence, images: int) -> str:
    """What the fitted growth says of a size at which the report's procedure was not run."""
    what = f"seconds of the {GRID_WITH_PROBABILITY}"
    law = _growth(evidence, "svm", what, fit=GRID_WITH_PROBABILITY)
    if law is None:
        return ""
    size = 0.7 * images
    hours, low, high = (seconds / 3600 for seconds in (law.law(size), *law.law.predicted(size)))
    return (
        f"; extrapolated to {images:,} images it takes {hours:.2g} h here ({low:.2g} to {high:.2g})"
    )


def _growth(
    evidence: Evidence,
    model: str,
    what: str,
    *,
    fit: str | None = None,
    batch_size: int | None = None,
) -> Growth | None:
    evidence.note_failures(model=model, fit=fit, batch_size=batch_size)
    found = [g for g in evidence.growths if (g.model, g.what) == (model, what)]
    return next((g for g in found if g.batch_size == batch_size), None)


def grows_faster_than_images() -> Rule:
    """Whether the exponent of one SVM fit's seconds is above 1; the networks' epochs beside it."""

    def rule(evidence: Evidence) -> Finding:
        svm = _growth(evidence, "svm", "seconds of one fit", fit=CHOSEN)
        if svm is None:
            return missing("SVM fits at three sizes from 200 images")
        words = [f"one fit of the SVM takes n^{number(_exponent(svm))}"]
        for model in EPOCHS:
            net = _growth(evidence, model, "seconds an epoch", batch_size=16)
            if net is not None:
                words.append(f"an epoch of {NAMES[model]} n^{number(_exponent(net))}")
        if not svm.clean:
            reason = "the machine was not free, or not one and the same, at three sizes; from what there is, "
            return Finding(INCONCLUSIVE, reason + ", ".join(words))
        found = _exponent(svm)
        fits = Group([r for r in evidence.records if r["fit"] == CHOSEN]).clean
        sizes = len(svm.law.points)
        return Finding.of(above(found, 1.0), ", ".join(words), found, [fits], n=sizes)

    return rule


def _exponent(growth: Growth) -> Estimate:
    return Estimate(growth.law.exponent, growth.law.low, growth.law.high)


def slower_epochs(slow: str, fast: str) -> Rule:
    """Whether an epoch of one network takes longer than one of the other, on all images."""

    def rule(evidence: Evidence) -> Finding:
        groups = [
            evidence.group(m, epoch=EPOCHS[m], train_size="all", batch_size=16)
            for m in (slow, fast)
        ]
        if not all(groups):
            return missing("both networks on all images")
        level = float(np.mean(groups[0].metric("test_accuracy")))
        until = [_spoken(_seconds_to(group, level)) for group in groups]
        groups = [group.clean for group in groups]
        if incomparable := _incomparable(groups):
            return incomparable
        found = statistics.ratio(groups[0].seconds("epoch_s"), groups[1].seconds("epoch_s"))
        whole = statistics.ratio(_seconds_until(groups[0]), _seconds_until(groups[1]))
        reason = (
            f"an epoch of {NAMES[slow]} takes {times(found)} as long as one of {NAMES[fast]}, and its "
            f"{EPOCHS[slow]} epochs {times(whole)} as long as the other's {EPOCHS[fast]}; to the "
            f"{100 * level:.1f}% of the test images that {NAMES[slow]} ends with it needs {until[0]}, "
            f"{NAMES[fast]} {until[1]}"
        )
        return Finding.of(above(found, 1.0), reason, found, groups)

    return rule


def _seconds_to(group: Group, level: float) -> float | None:
    """Median seconds of training up to the first evaluated epoch with that mean test accuracy.

    Infinity where there is no such epoch, None where no run was clean.
    """
    for epoch in sorted(set.intersection(*(set(r["history"]["epoch"]) for r in group.records))):
        if np.mean(group.history("test_accuracy", epoch)) >= level:
            seconds = _seconds_until(Group(group.clean.records, epoch))
            return float(np.median(seconds)) if seconds else None
    return inf
