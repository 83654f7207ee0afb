"""The rule of the claim about how many images a model needs."""

from itertools import pairwise
from math import exp, log

import numpy as np

from bench.analyse import statistics
from bench.analyse.evidence import Evidence, Group, hits_of_both
from bench.analyse.reported import EPOCHS
from bench.analyse.rules import (
    NAMES,
    Finding,
    Rule,
    above,
    all_of,
    missing,
    points,
    too_few,
)
from bench.analyse.statistics import CONFIDENCE
from bench.plan.spec import CHOSEN, GRID, NESTED, VALIDATED

LEVELS = (0.7, 0.8, 0.9)


def needs_more_images(hungry: str, others: tuple[str, ...], seeds: int) -> Rule:
    """Whether at every training size the others read more test images, each as well trained as it can be.

    Networks have as many steps as all images get and stop on a held-out fifth; the SVM has a grid search
    of its own where there is one, else the parameters of the largest.
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
        # An SVM on all images has nothing random in it.
        random = [
            found[m] for size, found in by_size.items() for m in found
            if m != "svm" or size < evidence.all_images
        ]  # fmt: skip
        if lacking := too_few(random, seeds):
            return lacking
        level = 1 - (1 - CONFIDENCE) / (len(by_size) * len(others))
        ahead = {
            (model, size): statistics.difference(*hits_of_both(found[model], found[hungry]), level)
            for size, found in by_size.items()
            for model in others
        }
        verdict = all_of([above(e) for e in ahead.values()])
        reason = (
            "at "
            + "; ".join(
                f"{size:,} images "
                + ", ".join(f"{NAMES[m]} {points(ahead[m, size])}" for m in others)
                for size in by_size
            )
            + f" ahead of {NAMES[hungry]}, corrected for {len(ahead)} comparisons; "
            + _between(by_size, *others)
            + _needed(by_size)
            + _at_report_epochs(evidence, hungry, others)
        )
        closest = min(ahead.values(), key=lambda e: e.value)
        return Finding.of(verdict, reason, closest, groups)

    return rule


def _at_size(evidence: Evidence, model: str, size: int) -> Group:
    if model == "svm":
        searched = evidence.group("svm", fit=GRID, train_size=size)
        return searched or evidence.group("svm", fit=CHOSEN, train_size=size)
    return evidence.group(model, protocol=VALIDATED, images=size, batch_size=16)


def _between(by_size: dict[int, dict[str, Group]], first: str, second: str) -> str:
    """How far one of the others is ahead of the other at each size."""
    words = []
    for size, found in by_size.items():
        ahead = statistics.difference(*hits_of_both(found[first], found[second]))
        words.append(f"{size:,} images {points(ahead)}")
    return f"{NAMES[first]} ahead of {NAMES[second]}: " + ", ".join(words) + "; "


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
            epoch = EPOCHS.get(model)
            batch_size = None if epoch is None else 16
            group = evidence.group(model, epoch=epoch, train_size=size, batch_size=batch_size)
            if group:
                mean = float(np.mean(group.metric("test_accuracy")))
                shares.append(f"{NAMES[model]} {100 * mean:.1f}%")
        if len(shares) == len(others) + 1:
            words.append(f"{size:,} images " + ", ".join(shares))
    return "; at the report's own epochs: " + "; ".join(words) if words else ""
