"""Two data sets side by side, as tables, a figure of accuracies and a picture of examples."""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from bench.analyse.tables import NAMES, Table
from bench.likeness.trials import EPOCHS, MODELS, SVM_PARAMS, Trial, confused_pairs
from bench.report.examples import CLASSES
from bench.report.style import COLOURS, MARKERS, styled

REPORTED = {"mlp": 88, "cnn": 98, "svm": 92}
PAIRS_SHOWN = 12
WAY = ", ".join(f"{name}={value}" for name, value in SVM_PARAMS.items())


def by_size(trials: Sequence[Trial], first: str, second: str) -> Table:
    """Accuracy of each model at each training size on either set, and the difference."""
    lines = []
    for model in MODELS:
        for size in sorted({trial.train_size for trial in trials}):
            one, two = (_accuracies(trials, model, name, name, size) for name in (first, second))
            gap = mean(two) - mean(one)
            lines.append((_named(model), f"{size:,}", _spread(one), _spread(two), f"{gap:+.1f}"))
    return Table(
        "The same models on both sets",
        f"Test accuracy in percent, ± standard deviation over seeds. SVM: {WAY}.",
        ("model", "images", first, second, "difference"),
        lines,
    )


def crossed(trials: Sequence[Trial], first: str, second: str) -> Table:
    """Each model trained on all of one set and tested on the other."""
    size = max(trial.train_size for trial in trials)
    lines = []
    for model in MODELS:
        for own in (first, second):
            cells = [_spread(_accuracies(trials, model, own, t, size)) for t in (first, second)]
            lines.append((_named(model), own, *cells))
    return Table(
        "Trained on one, tested on the other",
        f"Test accuracy in percent after training on {size:,} images.",
        ("model", "trained on", f"tested on {first}", f"tested on {second}"),
        lines,
    )


def confused(trials: Sequence[Trial], first: str, second: str) -> Table:
    """The pairs of classes most often taken for each other on either set."""
    size = max(trial.train_size for trial in trials)
    one, two = (
        confused_pairs([t for t in trials if t.trained_on == t.tested_on == name and t.train_size == size])
        for name in (first, second)
    )  # fmt: skip
    shown = sorted(one, key=lambda pair: -max(one[pair], two[pair]))[:PAIRS_SHOWN]
    alike = spearmanr(list(one.values()), list(two.values())).statistic
    lines = [
        (f"{CLASSES[a]} / {CLASSES[b]}", f"{one[a, b]:.1f}", f"{two[a, b]:.1f}")
        for a, b in sorted(shown, key=lambda pair: -one[pair])
    ]
    return Table(
        "Most confused pairs",
        "Share of all mistakes in percent, the three models together, trained on all images. Rank "
        f"correlation over all {len(one)} pairs (Spearman): {alike:.2f}.",
        ("pair", first, second),
        lines,
    )


def beside_report(trials: Sequence[Trial]) -> Table:
    """The report's three figures and the same on a set as large as the report's."""
    lines = []
    for model in MODELS:
        found = [trial for trial in trials if trial.model == model]
        values = [trial.accuracy for trial in found]
        gap = mean(values) - REPORTED[model]
        lines.append(
            (_named(model), f"{found[0].train_size:,}", _spread(values), f"{REPORTED[model]}", f"{gap:+.1f}")
        )  # fmt: skip
    return Table(
        "Beside the report's own figures",
        f"Test accuracy in percent on {trials[0].tested_on}. The SVM has 10,000 images, 7,000 to fit on, as "
        f"in the report, with {WAY}.",
        ("model", "images", trials[0].tested_on, "report", "difference"),
        lines,
    )


def draw_accuracies(trials: Sequence[Trial], first: str, second: str, file: Path) -> None:
    """Accuracy against training size: the first set in full lines, the second in broken ones."""
    with styled():
        figure, axes = plt.subplots(figsize=(6.4, 4))
        for model in MODELS:
            for name, line in ((first, "-"), (second, "--")):
                sizes = sorted({trial.train_size for trial in trials})
                found = [_accuracies(trials, model, name, name, size) for size in sizes]
                axes.errorbar(
                    sizes, [mean(f) for f in found], [_deviation(f) for f in found], linestyle=line,
                    color=COLOURS[model], marker=MARKERS[model], capsize=3, markersize=5,
                    label=f"{_named(model)}, {name}",
                )  # fmt: skip
        axes.set(xscale="log", xlabel="training images", ylabel="test accuracy %")
        for text in axes.legend(fontsize=8).get_texts():
            text.set_parse_math(False)  # a name may hold dollars
        _save(figure, file)


def _save(figure: Figure, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)


def _accuracies(
    trials: Sequence[Trial], model: str, trained_on: str, tested_on: str, size: int
) -> list[float]:
    wanted = (model, trained_on, tested_on, size)
    return [
        t.accuracy for t in trials if (t.model, t.trained_on, t.tested_on, t.train_size) == wanted
    ]


def _named(model: str) -> str:
    return f"{NAMES[model]}, {EPOCHS[model]} epochs" if model in EPOCHS else NAMES[model]


def _deviation(values: Sequence[float]) -> float:
    return stdev(values) if len(values) > 1 else 0.0


def _spread(values: Sequence[float]) -> str:
    if len(set(values)) < 2:
        return f"{mean(values):.1f}"
    return f"{mean(values):.1f} ± {stdev(values):.1f}"
