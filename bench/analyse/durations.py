"""Rules of the claims about time."""

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

MUCH = 2.0
"""`Much longer` means so many times as long."""
FEWEST_TIMES = 2


def _one_machine(*groups: Group) -> bool:
    return len({(r["machine"], r["device"]) for g in groups for r in g.records}) == 1


def slower_as_reported(images: int, stated: int) -> Rule:
    """Whether the report's grid search takes much longer than its networks, on equally many images."""

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
        if not _one_machine(*groups):
            return Finding(INCONCLUSIVE, "the runs are of several machines")
        seconds = [grid.seconds("search_s"), fit.seconds("train_s")]
        trained = {model: _seconds_until(net) for model, net in nets.items()}
        if min(map(len, (*seconds, *trained.values()))) < FEWEST_TIMES:
            return Finding(INCONCLUSIVE, "too few runs had the machine to themselves")
        searched = {m: statistics.ratio(seconds[0], values) for m, values in trained.items()}
        fitted = {m: statistics.ratio(seconds[1], values) for m, values in trained.items()}
        reason = (
            f"on {images:,} images the grid search with probability=True takes "
            + " and ".join(f"{times(e)} as long as {NAMES[m]}" for m, e in searched.items())
            + "; one fit with the chosen parameters "
            + " and ".join(f"{e.value:.2g} times {NAMES[m]}" for m, e in fitted.items())
            + _to_equal_accuracy(evidence)
            + _extrapolated(evidence, stated)
        )
        closest = min(searched.values(), key=lambda e: e.value)
        return Finding.of(
            all_of([above(e, MUCH) for e in searched.values()]), reason, closest, groups
        )

    return rule


def _to_equal_accuracy(evidence: Evidence) -> str:
    """Seconds to the accuracy of the SVM on the most images, its search on shared kernels included."""
    size = max(evidence.sizes("svm", NESTED, fit=CHOSEN), default=0)
    svm = evidence.group("svm", fit=CHOSEN, train_size=size)
    searched = max(evidence.sizes("svm", REPORT, "images", fit=GRID), default=0)
    search = evidence.group("svm", protocol=REPORT, fit=GRID, images=searched)
    seconds = [*search.seconds("search_s")[:1], *svm.seconds("train_s")[:1]]
    if len(seconds) < 2:
        return ""
    level = float(np.mean(svm.metric("test_accuracy")))
    words = [f"{NAMES['svm']} {sum(seconds):.3g} s with its search on shared kernels"]
    for model, epochs in EPOCHS.items():
        net = evidence.group(model, epoch=epochs, train_size="all", batch_size=16)
        needed = _seconds_to(net, level) if net else None
        words.append(
            f"{NAMES[model]} " + ("never gets there" if needed is None else f"{needed:.3g} s")
        )
    return f"; to {100 * level:.1f}% of the test images " + ", ".join(words)


def _seconds_until(group: Group) -> list[float]:
    """Seconds of training until the group's epoch, of the clean runs."""
    assert group.epoch is not None
    return [
        r["times"]["train_s"] * group.epoch / r["epochs"]
        for r in group.records
        if r["timing_clean"]
    ]


def _extrapolated(evidence: Evidence, images: int) -> str:
    """What the fitted growth says of a size at which the report's procedure was not run."""
    law = _growth(evidence, "svm", "seconds of the grid, probability=True")
    if law is None:
        return ""
    hours = law.law(0.7 * images) / 3600
    return f"; extrapolated to {images:,} images it is {hours:.1f} h here"


def _growth(
    evidence: Evidence, model: str, what: str, batch_size: int | None = None
) -> Growth | None:
    found = [g for g in evidence.growths if (g.model, g.what) == (model, what)]
    return next((g for g in found if g.batch_size == batch_size), None)


def grows_faster_than_images() -> Rule:
    """Whether the exponent of one SVM fit's seconds is above 1; the networks' epochs beside it."""

    def rule(evidence: Evidence) -> Finding:
        svm = _growth(evidence, "svm", "seconds of one fit")
        if svm is None:
            return missing("SVM fits at three sizes from 200 images")
        words = [f"one fit of the SVM takes n^{number(_exponent(svm))}"]
        for model in EPOCHS:
            net = _growth(evidence, model, "seconds an epoch", 16)
            if net is not None:
                words.append(f"an epoch of {NAMES[model]} n^{number(_exponent(net))}")
        found = _exponent(svm)
        fits = [r for r in evidence.records if r["fit"] == CHOSEN]
        return Finding.of(above(found, 1.0), ", ".join(words), found, [Group(fits)])

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
        if not _one_machine(*groups):
            return Finding(INCONCLUSIVE, "the runs are of several machines")
        seconds = [group.seconds("epoch_s") for group in groups]
        if min(map(len, seconds)) < FEWEST_TIMES:
            return Finding(INCONCLUSIVE, "too few runs had the machine to themselves")
        found = statistics.ratio(seconds[0], seconds[1])
        reason = f"an epoch of {NAMES[slow]} takes {times(found)} as long as one of {NAMES[fast]}"
        level = float(np.mean(groups[0].metric("test_accuracy")))
        until = [_seconds_to(group, level) for group in groups]
        if None not in until:
            reason += (
                f"; to {100 * level:.1f}% of the test images, which {NAMES[slow]} has after "
                f"{groups[0].epoch} epochs, it needs {until[0]:.3g} s and {NAMES[fast]} {until[1]:.3g} s"
            )
        return Finding.of(above(found, 1.0), reason, found, groups)

    return rule


def _seconds_to(group: Group, level: float) -> float | None:
    """Median seconds of training up to the first evaluated epoch with that mean test accuracy."""
    for epoch in sorted(set.intersection(*(set(r["history"]["epoch"]) for r in group.records))):
        if np.mean(group.history("test_accuracy", epoch)) >= level:
            seconds = _seconds_until(Group(group.records, epoch))
            return float(np.median(seconds)) if seconds else None
    return None
