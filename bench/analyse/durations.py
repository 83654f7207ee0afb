"""Rules of the claims about time and about how many images a model needs."""

from itertools import pairwise
from math import exp, log

import numpy as np

from bench.analyse import statistics
from bench.analyse.evidence import Evidence, Group
from bench.analyse.rules import (
    INCONCLUSIVE,
    NAMES,
    REFUTED,
    Finding,
    Rule,
    above,
    all_of,
    missing,
    number,
    points,
    times,
    too_few,
)
from bench.analyse.scaling import Growth
from bench.analyse.statistics import CONFIDENCE, Estimate
from bench.plan.spec import CHOSEN, GRID_WITH_PROBABILITY, NESTED, REPORT, VALIDATED

MUCH = 2.0
"""`Much longer` means so many times as long."""
FEWEST_TIMES = 2
LEVELS = (0.7, 0.8, 0.9)
REPORT_EPOCHS = {"mlp": 50, "cnn": 3}


def _one_machine(*groups: Group) -> bool:
    return len({(r["machine"], r["device"]) for g in groups for r in g.records}) == 1


def slower_as_reported(images: int, stated: int) -> Rule:
    """Whether the report's grid search takes much longer than its networks, on equally many images."""

    def rule(evidence: Evidence) -> Finding:
        grid = evidence.group("svm", protocol=REPORT, fit=GRID_WITH_PROBABILITY, images=images)
        fit = evidence.group("svm", fit=CHOSEN, train_size=images)
        nets = {
            model: evidence.group(model, epoch=epochs, train_size=images, batch_size=16)
            for model, epochs in REPORT_EPOCHS.items()
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
            + _extrapolated(evidence, stated)
        )
        closest = min(searched.values(), key=lambda e: e.value)
        return Finding.of(
            all_of([above(e, MUCH) for e in searched.values()]), reason, closest, groups
        )

    return rule


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
        for model in REPORT_EPOCHS:
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
            evidence.group(m, epoch=REPORT_EPOCHS[m], train_size="all", batch_size=16)
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


def needs_more_images(hungry: str, others: tuple[str, ...], seeds: int) -> Rule:
    """Whether at every training size the others read more test images, each as well trained as it can be.

    Networks have as many steps as all images get and stop on a held-out fifth.
    """

    def rule(evidence: Evidence) -> Finding:
        by_size = {
            size: {m: _at_size(evidence, m, size) for m in (hungry, *others)}
            for size in evidence.sizes(hungry, VALIDATED, "images")
        }
        by_size = {size: groups for size, groups in by_size.items() if all(groups.values())}
        groups = [group for found in by_size.values() for group in found.values()]
        if len(by_size) < 2:
            return missing("the three models at several training sizes")
        random = [g for g in groups if g.records[0]["model"] != "svm"]
        if lacking := too_few(random, seeds):
            return lacking
        level = 1 - (1 - CONFIDENCE) / (len(by_size) * len(others))
        ahead = {
            (model, size): statistics.difference(
                *_same_seeds(found[model], found[hungry]), confidence=level
            )
            for size, found in by_size.items()
            for model in others
        }
        verdicts = [above(e) for e in ahead.values()]
        verdict = REFUTED if REFUTED in verdicts else all_of(verdicts)
        reason = (
            "at "
            + "; ".join(
                f"{size:,} images "
                + ", ".join(f"{NAMES[m]} {points(ahead[m, size])}" for m in others)
                for size in by_size
            )
            + f" ahead of {NAMES[hungry]}, corrected for {len(ahead)} comparisons; "
            + _needed(by_size)
            + _at_report_epochs(evidence, hungry, others)
        )
        closest = min(ahead.values(), key=lambda e: e.low)
        return Finding.of(verdict, reason, closest, groups)

    return rule


def _at_size(evidence: Evidence, model: str, size: int) -> Group:
    if model == "svm":
        return evidence.group("svm", fit=CHOSEN, train_size=size)
    return evidence.group(model, protocol=VALIDATED, images=size, batch_size=16)


def _same_seeds(a: Group, b: Group) -> tuple[np.ndarray, np.ndarray]:
    if 1 in (len(a), len(b)):
        return a.right, b.right
    first, second = a.paired(b)
    return first.right, second.right


def _needed(by_size: dict[int, dict[str, Group]]) -> str:
    """Images needed for each level, along straight lines in the logarithm of the size."""
    words = []
    for level in LEVELS:
        needs = []
        for model in next(iter(by_size.values())):
            curve = [(s, statistics.accuracy(found[model].right)) for s, found in by_size.items()]
            middle, few, many = (
                _crossing([(s, getattr(e, end)) for s, e in curve], level)
                for end in ("value", "high", "low")
            )
            needs.append(f"{NAMES[model]} {middle} ({few} to {many})")
        words.append(f"{100 * level:.0f}% needs " + ", ".join(needs))
    return "; ".join(words)


def _crossing(curve: list[tuple[int, float]], level: float) -> str:
    if curve[0][1] >= level:
        return f"up to {curve[0][0]:,}"
    for (before, low), (after, high) in pairwise(curve):
        if high >= level:
            share = (level - low) / (high - low)
            return f"{exp(log(before) + share * (log(after) - log(before))):,.0f}"
    return f"over {curve[-1][0]:,}"


def _at_report_epochs(evidence: Evidence, hungry: str, others: tuple[str, ...]) -> str:
    """The same at the report's epochs, which leave small sets short of optimiser steps."""
    words = []
    for size in evidence.sizes(hungry, NESTED, batch_size=16):
        shares = []
        for model in (hungry, *others):
            epoch = REPORT_EPOCHS.get(model)
            batch_size = None if epoch is None else 16
            group = evidence.group(model, epoch=epoch, train_size=size, batch_size=batch_size)
            if group:
                mean = float(np.mean(group.metric("test_accuracy")))
                shares.append(f"{NAMES[model]} {100 * mean:.1f}%")
        if len(shares) == len(others) + 1:
            words.append(f"{size:,} images " + ", ".join(shares))
    return "; at the report's own epochs: " + "; ".join(words) if words else ""
