"""Rules of the claims that set models, epochs and seconds beside each other."""

import numpy as np

from bench.analyse import statistics
from bench.analyse.evidence import Evidence, Group, hits_of_both
from bench.analyse.rules import (
    INCONCLUSIVE,
    NAMES,
    REFUTED,
    SUPPORTED,
    Finding,
    Rule,
    about,
    above,
    all_of,
    missing,
    percent,
    points,
    signed,
    too_few,
)
from bench.analyse.statistics import CONFIDENCE, Estimate
from bench.plan.spec import CHOSEN, GRID, NESTED, REPORT, SIMPLER

NAMED_SEED = 0
"""The seed of McNemar's test, named before any run."""


def svm_draws_around(images: int, reported: float, draws: int) -> Rule:
    """Whether a number lies in the central 95% of the report's protocol, drawn again and again.

    Fewer than 40 draws have no 2.5th percentile.
    """

    def rule(evidence: Evidence) -> Finding:
        group = evidence.group("svm", protocol=REPORT, fit=GRID, images=images)
        if not group:
            return missing(f"the SVM on {images} images")
        if lacking := too_few([group], draws):
            return lacking
        values = group.metric("test_accuracy")
        found = statistics.central(values)
        below = 100 * float(np.mean(np.array(values) <= reported))
        reason = (
            f"median and central 95% of {len(group)} draws: {percent(found)}; {below:.0f}% of the "
            f"draws are at or below {100 * reported:.0f}%"
        )
        inside = found.low <= reported <= found.high
        return Finding.of(SUPPORTED if inside else REFUTED, reason, found, [group])

    return rule


def svm_about(images: int, reported: float) -> Rule:
    """The grid's SVM on so many images by the report's protocol, or on all there are."""

    def rule(evidence: Evidence) -> Finding:
        sizes = evidence.sizes("svm", REPORT, "images", fit=GRID)
        size = max((s for s in sizes if s <= images), default=0)
        group = evidence.group("svm", protocol=REPORT, fit=GRID, images=size)
        if not group or (size < images and size != evidence.images):
            return missing(f"the SVM on {images:,} images, or on all there are")
        found = statistics.accuracy(group.right[:1])
        words = "" if size == images else ", all there are"
        reason = (
            f"{percent(found)} of {group.right.shape[1]:,} test images, on {size:,} images{words}"
        )
        return Finding.of(about(reported, found), reason, found, [group])

    return rule


def overfits(epoch: int, later: int, seeds: int) -> Rule:
    """Whether from an epoch to a later one the CNN's test loss rises while its training loss falls."""

    def rule(evidence: Evidence) -> Finding:
        early, group = _at_both(evidence, "cnn", epoch, later)
        if not group:
            return missing(f"the CNN after {epoch} and after {later} epochs")
        if lacking := too_few([group], seeds):
            return lacking
        loss = {e: np.array(group.history("test_loss", e)) for e in (epoch, later)}
        trained = {e: np.array(group.history("train_loss", e)) for e in (epoch, later)}
        rise = statistics.mean(loss[later] - loss[epoch])
        fall = statistics.mean(trained[epoch] - trained[later])
        change = statistics.difference(group.right, early.right)
        curve = _mean_curve(group, "test_loss")
        lowest = min(curve, key=lambda e: curve[e])
        reason = (
            f"from epoch {epoch} to {later} the test loss changes by {signed(rise)} and the training loss "
            f"falls by {fall.value:.3f}; of the evaluated epochs, {lowest} has the lowest test loss, "
            f"{curve[lowest]:.3f}{_last_loss(evidence, curve)}; test accuracy changes by {points(change)}"
        )
        verdict = all_of([above(rise), above(fall)])
        return Finding.of(verdict, reason, rise, [group])

    return rule


def _at_both(evidence: Evidence, model: str, epoch: int, later: int) -> tuple[Group, Group]:
    """The cells on all images that were evaluated after both epochs, as they were after each."""
    early, late = (
        evidence.group(model, epoch=e, train_size="all", batch_size=16) for e in (epoch, later)
    )
    both = {r["key"] for r in early.records} & {r["key"] for r in late.records}
    cells = [r for r in late.records if r["key"] in both]
    return Group(cells, epoch), Group(cells, later)


def _last_loss(evidence: Evidence, curve: dict[int, float]) -> str:
    """The test loss at the end of the longest runs, which may be of fewer seeds."""
    cells = evidence.group("cnn", train_size="all", batch_size=16)
    last = max(r["epochs"] for r in cells.records)
    longest = evidence.group("cnn", epoch=last, train_size="all", batch_size=16)
    ends = {last: float(np.mean(longest.history("test_loss")))} | {max(curve): curve[max(curve)]}
    return "".join(
        f", {epoch} has {loss:.3f}" + (f" ({len(longest)} seed)" if epoch not in curve else "")
        for epoch, loss in sorted(ends.items())
    )


def _mean_curve(group: Group, name: str) -> dict[int, float]:
    """The mean over the seeds at each epoch that all of them have."""
    epochs = set.intersection(*(set(r["history"]["epoch"]) for r in group.records))
    curve = {e: float(np.mean(group.history(name, e))) for e in sorted(epochs)}
    return {e: value for e, value in curve.items() if not np.isnan(value)}


def improves_each_epoch(model: str, epochs: int, share: float, seeds: int) -> Rule:
    """Whether training accuracy rises after that share of epochs, and test accuracy from 5 to the last."""

    def rule(evidence: Evidence) -> Finding:
        early, group = _at_both(evidence, model, 5, epochs)
        if not group:
            return missing(f"{NAMES[model]} after 5 and after {epochs} epochs")
        if lacking := too_few([group], seeds):
            return lacking
        curves = [r["history"]["train_accuracy"][:epochs] for r in group.records]
        found = statistics.mean([float((np.diff(curve) > 0).mean()) for curve in curves])
        gain = statistics.difference(group.right, early.right)
        reason = (
            f"training accuracy rises after {percent(found)} of {epochs - 1} epochs; test accuracy from "
            f"epoch 5 to {epochs}: {points(gain)}"
        )
        verdict = all_of([above(found, share), above(gain)])
        return Finding.of(verdict, reason, found, [group])

    return rule


def better_in_fewer_epochs(few: int, many: int, seeds: int) -> Rule:
    """Whether the CNN after a few epochs reads more test images than the MLP after many."""

    def rule(evidence: Evidence) -> Finding:
        groups = (
            evidence.group("cnn", epoch=few, train_size="all", batch_size=16),
            evidence.group("mlp", epoch=many, train_size="all", batch_size=16),
        )
        if not all(groups):
            return missing("both networks on all images")
        cnn, mlp = groups[0].paired(groups[1])
        if lacking := too_few([cnn, mlp], seeds):
            return lacking
        found = statistics.difference(cnn.right, mlp.right)
        reason = f"the CNN after {few} epochs less the MLP after {many}: {points(found)}, {len(cnn)} seeds"
        return Finding.of(above(found), reason, found, [cnn, mlp])

    return rule


def simpler_tasks(margin: float, seeds: int) -> Rule:
    """Whether on few classes, drawn by seed, an SVM is at most `margin` worse than a CNN."""

    def rule(evidence: Evidence) -> Finding:
        groups: list[Group] = []
        found: list[tuple[str, Estimate]] = []
        sizes = [
            (classes, size)
            for classes in (2, 4)
            for size in evidence.sizes("svm", SIMPLER, classes=classes, fit=GRID)
        ]
        for classes, size in sizes:
            svm = evidence.group("svm", protocol=SIMPLER, classes=classes, train_size=size)
            cnn = evidence.group("cnn", protocol=SIMPLER, classes=classes, images=size)
            svm, cnn = svm.paired(cnn)
            groups += [svm, cnn]
            if len(svm) >= seeds:
                ahead = np.array(svm.metric("test_accuracy")) - cnn.metric("test_accuracy")
                level = 1 - (1 - CONFIDENCE) / len(sizes)
                found.append(
                    (f"{classes} classes, {size} images", statistics.mean(list(ahead), level))
                )
        if not any(groups):
            return missing("simpler tasks")
        if lacking := too_few(groups, seeds):
            return lacking
        worst = min((estimate for _, estimate in found), key=lambda e: e.value)
        reason = f"the SVM less the CNN, intervals corrected for {len(found)}: " + "; ".join(
            f"{name} {points(estimate)}" for name, estimate in found
        )
        verdict = all_of([above(estimate, -margin) for _, estimate in found])
        return Finding.of(verdict, reason, worst, groups)

    return rule


def best_of_all(seeds: int) -> Rule:
    """Whether the CNN after 3 epochs reads more test images than the MLP after 50 and the SVM."""

    def rule(evidence: Evidence) -> Finding:
        cnn = evidence.group("cnn", epoch=3, train_size="all", batch_size=16)
        mlp = evidence.group("mlp", epoch=50, train_size="all", batch_size=16)
        sizes = evidence.sizes("svm", NESTED, fit=CHOSEN)
        svm = evidence.group("svm", fit=CHOSEN, train_size=max(sizes, default=0))
        if not (cnn and mlp and svm):
            return missing("all three models at the report's points")
        if lacking := too_few([cnn, mlp], seeds):
            return lacking
        level = 1 - (1 - CONFIDENCE) / 2
        rivals = {"mlp": mlp, "svm": svm}
        ahead = {
            name: statistics.difference(*hits_of_both(cnn, rival), level)
            for name, rival in rivals.items()
        }
        found = (_of_named_seed(group) for group in (cnn, mlp, svm))
        named = [right for right in found if right is not None]
        if len(named) < 3:
            return Finding(
                INCONCLUSIVE, f"a run of seed {NAMED_SEED}, which was named for it, is missing"
            )
        p_values = statistics.corrected(
            [statistics.mcnemar(named[0], rival) for rival in named[1:]]
        )
        verdicts = [
            verdict if (verdict := above(e)) == INCONCLUSIVE or p < 1 - CONFIDENCE else INCONCLUSIVE
            for e, p in zip(ahead.values(), p_values, strict=True)
        ]
        reason = (
            "the CNN after 3 epochs less "
            + "; ".join(
                f"{NAMES[name]} {points(e)}, McNemar on seed {NAMED_SEED} p = {p:.2g}"
                for (name, e), p in zip(ahead.items(), p_values, strict=True)
            )
            + f"; corrected for two comparisons; the SVM on {max(sizes):,} images"
        )
        closest = min(ahead.values(), key=lambda e: e.value)
        return Finding.of(all_of(verdicts), reason, closest, [cnn, mlp, svm])

    return rule


def _of_named_seed(group: Group) -> np.ndarray | None:
    """(images,) bool: the hits of the seed that McNemar's test was named for; None without it."""
    for record, right in zip(group.records, group.right, strict=True):
        if record["seed"] == NAMED_SEED:
            return right
    return None
