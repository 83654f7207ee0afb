"""Compares two data sets and writes the page, the figures and every trial's accuracy."""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING

from hexbench.data.dataset import Dataset
from hexbench.files import write_whole
from hexbench.models import entries
from hexbench.report.examples import draw_examples
from hexbench.report.markdown import escape, table_text
from hexbench.report.progress import count_bar
from hexbench.report.style import Palette, save, styled
from hexbench.report.table import NONE, Table, number
from hexbench.studies.digit_recognizer.data.ground import CLASS_NAMES
from hexbench.studies.digit_recognizer.likeness.trials import (
    MODELS,
    SVM_IMAGES,
    Pairs,
    Trial,
    compare_sets,
    confused_pairs,
    count_trials,
    report_points,
)
from rich.console import Console

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPORTED = {"mlp": 88, "cnn": 98, "svm": 92}
PAIRS_SHOWN = 12
SVM_PARAMS = ", ".join(f"{name}={value}" for name, value in MODELS["svm"].items())


def write_comparison(
    first: Dataset, second: Dataset, large: Dataset | None, seeds: int, out: Path, console: Console
) -> list[Table]:
    """Compare `first` and `second`; where `large` is given, compare it with the report's figures.

    Writes report.md, trials.csv and figures/*.png into `out` and returns the tables.
    """
    import pandas as pd
    from hexbench.models.training.devices import expose_cpu_devices

    expose_cpu_devices()
    with count_bar("Training", console) as bar:
        bar.total = count_trials(first, seeds) + (0 if large is None else seeds * len(MODELS))
        trials = list(compare_sets(first, second, seeds, lambda: bar.update(1)))
        beside = [] if large is None else list(report_points(large, seeds, lambda: bar.update(1)))
    names = (first.name, second.name)
    tables = [maker(trials, *names) for maker in (by_size, crossed, confused)]
    if beside:
        tables.append(beside_report(beside))
    with styled():
        save(accuracies(trials, *names), out / "figures" / "accuracy.png")
    draw_examples([first, second], out / "figures" / "examples.png")
    rows = [{k: v for k, v in vars(trial).items() if k != "confusion"} for trial in trials + beside]
    write_whole(out / "trials.csv", pd.DataFrame(rows).to_csv(index=False, float_format="%.3f"))
    write_whole(out / "report.md", _page(tables, [first, second, *([] if large is None else [large])]))
    return tables


def _page(tables: Sequence[Table], sets: Sequence[Dataset]) -> str:
    about = [
        f"- {escape(data.name)}: {len(data.images):,} images, fingerprint `{data.fingerprint}`"
        for data in sets
    ]
    parts = [
        f"# {escape(sets[0].name)} beside {escape(sets[1].name)}",
        "\n".join(about),
        *(table_text(table) for table in tables),
        "![Test accuracy by training size](figures/accuracy.png)",
        "![Images of every class](figures/examples.png)",
    ]
    return "\n\n".join(parts) + "\n"


def by_size(trials: Sequence[Trial], first: str, second: str) -> Table:
    """Accuracy of each model at each training size on either set, and the difference."""
    rows = []
    for model in MODELS:
        for size in _sizes(trials):
            one, two = (_accuracies(trials, model, name, name, size) for name in (first, second))
            gap = mean(two) - mean(one)
            rows.append((_label(model), f"{size:,}", _spread(one), _spread(two), f"{gap:+.1f}"))
    return Table(
        "The same models on both sets",
        f"Test accuracy in percent, ± standard deviation over seeds. SVM: {SVM_PARAMS}.",
        ("model", "train size", first, second, "difference (pp)"),
        rows,
    )


def crossed(trials: Sequence[Trial], first: str, second: str) -> Table:
    """Each model trained on all of one set and tested on either."""
    size, names = _sizes(trials)[-1], (first, second)
    rows = [
        (_label(model), own, *(_spread(_accuracies(trials, model, own, name, size)) for name in names))
        for model in MODELS
        for own in names
    ]
    return Table(
        "Cross-dataset evaluation",
        f"Test accuracy in percent after training on {size:,} images.",
        ("model", "trained on", f"tested on {first}", f"tested on {second}"),
        rows,
        "ll",
    )


def confused(trials: Sequence[Trial], first: str, second: str) -> Table:
    """The pairs of classes most often confused on either set."""
    largest = [t for t in trials if t.train_size == _sizes(trials)[-1]]
    one, two = (
        confused_pairs([t for t in largest if t.trained_on == t.tested_on == name])
        for name in (first, second)
    )
    shown = sorted(one, key=lambda pair: -max(one[pair], two[pair]))[:PAIRS_SHOWN]
    rows = [
        (f"{CLASS_NAMES[a]} / {CLASS_NAMES[b]}", f"{one[a, b]:.1f}", f"{two[a, b]:.1f}")
        for a, b in sorted(shown, key=lambda pair: -one[pair])
    ]
    return Table(
        "Most confused classes",
        "Share of all errors in percent, of the three models together, trained on all images. Rank "
        f"correlation over all {len(one)} pairs (Spearman): {_correlation(one, two)}.",
        ("pair", first, second),
        rows,
    )


def _correlation(one: Pairs, two: Pairs) -> str:
    from scipy.stats import spearmanr

    first, second = list(one.values()), list(two.values())
    if len(set(first)) < 2 or len(set(second)) < 2:  # no errors on a set, for example
        return NONE
    return f"{spearmanr(first, second).statistic:.2f}"


def beside_report(trials: Sequence[Trial]) -> Table:
    """The report's three figures and the same on a set as large as the report's."""
    name, rows = trials[0].tested_on, []
    for model in MODELS:
        found = [trial for trial in trials if trial.model == model]
        values = [trial.accuracy for trial in found]
        gap = mean(values) - REPORTED[model]
        row = (f"{found[0].train_size:,}", f"{REPORTED[model]}", _spread(values), f"{gap:+.1f}")
        rows.append((_label(model), *row))
    return Table(
        "Beside the report's own figures",
        f"Test accuracy in percent on {name}. The SVM has {SVM_IMAGES:,} images, 70% of them to train "
        f"on, as in the report, with {SVM_PARAMS}.",
        ("model", "train size", "reported", name, "difference (pp)"),
        rows,
    )


def accuracies(trials: Sequence[Trial], first: str, second: str) -> "Figure":
    """Accuracy against training size: the first set in full lines, the second in broken ones."""
    from matplotlib.figure import Figure

    figure, palette, sizes = Figure(figsize=(6.4, 4)), Palette(list(MODELS)), _sizes(trials)
    axes = figure.subplots()
    for model in MODELS:
        for name, line in ((first, "-"), (second, "--")):
            found = [_accuracies(trials, model, name, name, size) for size in sizes]
            axes.errorbar(
                sizes,
                [mean(values) for values in found],
                [stdev(values) if len(values) > 1 else 0.0 for values in found],
                linestyle=line,
                color=palette.colour(model),
                marker=palette.marker(model),
                capsize=3,
                markersize=5,
                label=f"{_label(model)}, {name}",
            )
    axes.set(xscale="log", xlabel="training images", ylabel="test accuracy %")
    for text in axes.legend(fontsize=8).get_texts():
        text.set_parse_math(False)  # a name may hold dollars
    return figure


def _sizes(trials: Sequence[Trial]) -> list[int]:
    return sorted({trial.train_size for trial in trials})


def _accuracies(
    trials: Sequence[Trial], model: str, trained_on: str, tested_on: str, size: int
) -> list[float]:
    wanted = (model, trained_on, tested_on, size)
    return [t.accuracy for t in trials if (t.model, t.trained_on, t.tested_on, t.train_size) == wanted]


def _label(model: str) -> str:
    label, epochs = entries()[model].label, MODELS[model].get("epochs")
    return label if epochs is None else f"{label}, {epochs} epochs"


def _spread(values: Sequence[float]) -> str:
    """Mean ± standard deviation; the mean alone of equal values."""
    return number(values if len(set(values)) > 1 else values[:1], 1)
