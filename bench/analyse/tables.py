"""The tables of a report: readings in, rows of text out, with the spread over seeds in every figure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import mean, median, stdev
from typing import Any

from bench.analyse.reported import BATCH_SIZE, EPOCHS
from bench.analyse.scaling import Growth, growths
from bench.plan.spec import GRID, GRID_WITH_PROBABILITY, VALIDATED

Row = dict[str, Any]
NONE = "–"
NAMES = {"mlp": "MLP", "cnn": "CNN", "svm": "SVM"}
EPOCHS_SHOWN = (1, 3, 5, 15, 50)


@dataclass(frozen=True)
class Table:
    """A titled table; `note` says what its rows have in common."""

    title: str
    note: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    def only(self, columns: Sequence[str]) -> "Table":
        """The same table with some of its columns."""
        kept = [self.header.index(name) for name in columns]
        rows = [tuple(row[i] for i in kept) for row in self.rows]
        return replace(self, header=tuple(columns), rows=rows)


def all_tables(rows: list[Row]) -> list[Table]:
    """Every table that the readings have rows for."""
    tables = [
        by_epochs(rows), by_batch_size(rows), by_training_size(rows), by_grid(rows), by_time(rows),
        by_growth(growths(rows)),
    ]  # fmt: skip
    return [table for table in tables if table.rows]


def by_epochs(rows: list[Row]) -> Table:
    """Accuracy after so many epochs on the largest training set, and the SVM on its largest."""
    largest = max((r["train_size"] for r in rows if r["protocol"] == "nested"), default=0)
    lines = []
    for model in ("mlp", "cnn"):
        for epochs in EPOCHS_SHOWN:
            found = select(
                rows, model=model, protocol="nested", train_size=largest, epochs=epochs,
                batch_size=BATCH_SIZE,
            )  # fmt: skip
            if found:
                lines.append(_accuracy_line(model, str(epochs), found))
    svm = select(rows, model="svm", protocol="nested")
    if svm:
        size = max(r["train_size"] for r in svm)
        lines.append(_accuracy_line("svm", NONE, select(svm, train_size=size)))
    return Table(
        "Accuracy by model and epochs",
        f"Batches of {BATCH_SIZE}. Training accuracy and loss of a network are running means "
        "over the epoch, as Keras prints them.",
        (
            "model",
            "trained on",
            "epochs",
            "test accuracy %",
            "train accuracy %",
            "test loss",
            "seeds",
        ),
        lines,
    )


def by_batch_size(rows: list[Row]) -> Table:
    """Accuracy and time after the same number of epochs at several batch sizes."""
    lines = []
    for model in ("mlp", "cnn"):
        found = batch_sizes(rows, model)
        sizes = sorted({r["batch_size"] for r in found})
        if len(sizes) < 2:
            continue
        base = median_time(select(found, batch_size=sizes[0]), "epoch_s")
        for size in sizes:
            group = select(found, batch_size=size)
            seconds = median_time(group, "epoch_s")
            ratio = f"{seconds / base:.2f}" if seconds and base else NONE
            lines.append(
                (
                    NAMES[model], f"{group[0]['train_size']:,}", f"{size:,}",
                    percent([r["test_accuracy"] for r in group]),
                    number([r["test_loss"] for r in group], 3), _seconds(seconds) + _unclean(group), ratio,
                    str(len(group)),
                )
            )  # fmt: skip
    return Table(
        "Accuracy and time by batch size",
        "After 3 epochs on the largest training set with several. Seconds are medians over the runs "
        "that had the machine to themselves (*: none had); the ratio is to the same model's smallest batch.",
        (
            "model",
            "trained on",
            "batch size",
            "test accuracy %",
            "test loss",
            "s / epoch",
            "ratio",
            "seeds",
        ),
        lines,
    )


def batch_sizes(rows: list[Row], model: str) -> list[Row]:
    """A network's readings after 3 epochs on the training set that has the most batch sizes."""
    found = select(rows, model=model, protocol="nested", epochs=3)
    kinds: dict[int, set[int]] = {}
    for row in found:
        kinds.setdefault(row["train_size"], set()).add(row["batch_size"])
    size = max(kinds, key=lambda n: (len(kinds[n]), n), default=0)
    return select(found, train_size=size)


def by_training_size(rows: list[Row]) -> Table:
    """Accuracy of the three models on nested subsets of the training images."""
    nested = select(rows, protocol="nested")
    validated = select(rows, protocol=VALIDATED, batch_size=BATCH_SIZE)
    sizes = sorted({*(r["train_size"] for r in nested), *(r["images"] for r in validated)})
    lines = []
    for size in sizes if len(sizes) > 1 else []:
        line = [f"{size:,}"]
        for model in ("mlp", "cnn"):
            of_model = select(nested, model=model, train_size=size, batch_size=BATCH_SIZE)
            line.append(_at(of_model, EPOCHS[model]))
            line.append(_with_epochs(select(validated, model=model, images=size)))
        own, chosen = svm_searches(select(nested, model="svm", train_size=size))
        line += [percent([r["test_accuracy"] for r in group]) for group in (own, chosen)]
        if any(cell != NONE for cell in line[1:]):
            lines.append(tuple(line))
    return Table(
        "Test accuracy % by training size",
        "Nested subsets, the same for every model. Equal epochs leave small sets short of optimiser "
        "steps, so each size is also given up to as many steps as all images get, with a fifth of it "
        "held out: tested is the epoch at which that fifth's loss was lowest, in brackets its median. "
        "The SVM has a grid search of its own at small sizes, and the parameters of the largest search.",
        (
            "images",
            "MLP, 50 epochs",
            "MLP, equal steps",
            "CNN, 3 epochs",
            "CNN, equal steps",
            "SVM, own search",
            "SVM, largest search",
        ),
        lines,
    )


def svm_searches(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """SVMs with a grid search of their own, and those with the parameters of the largest."""
    own = select(rows, fit=GRID)
    return own, [row for row in rows if row["fit"] != GRID]


def by_grid(rows: list[Row]) -> Table:
    """The SVM's grid search by the report's protocol."""
    lines = []
    for fit in (GRID, GRID_WITH_PROBABILITY):
        of_fit = select(rows, model="svm", protocol="report", fit=fit)
        for images in sorted({r["images"] for r in of_fit}):
            group = select(of_fit, images=images)
            accuracy = [100 * r["test_accuracy"] for r in group]
            params, times = Counter(r["params"] for r in group).most_common(1)[0]
            lines.append(
                (
                    f"{images:,}", f"{group[0]['train_size']:,}",
                    "yes" if fit == GRID_WITH_PROBABILITY else "no",
                    percent([r["test_accuracy"] for r in group]),
                    f"{min(accuracy):.1f} to {max(accuracy):.1f}" if len(group) > 1 else NONE,
                    percent([r["cv_score"] for r in group]),
                    params + (f" ({times} of {len(group)})" if len(group) > 1 else ""),
                    _seconds(median_time(group, "search_s")) + _unclean(group), str(len(group)),
                )
            )  # fmt: skip
    return Table(
        "SVM: grid search of 32 points in 5 folds, by the report's protocol",
        "So many images, split 70/30; parameters are chosen on the 70% alone. `probability=True` is "
        "the report's own procedure, on one core; the others use every core. *: no run had the machine "
        "to itself.",
        ("images", "fitted on", "probability", "test accuracy %", "range", "cross-validation %",
         "chosen", "search s", "draws"),
        lines,
    )  # fmt: skip


def by_time(rows: list[Row]) -> Table:
    """Where the time goes, for each model as the report trained it."""
    whole = [r for r in select(rows, protocol="nested") if r["epochs"] == r["trained_epochs"]]
    compiles = _compile_seconds(rows)
    lines = []
    for model in ("mlp", "cnn", "svm"):
        of_model = [r for r in whole if r["model"] == model]
        of_model = [r for r in of_model if r["batch_size"] in (None, BATCH_SIZE)]
        size = max((r["train_size"] for r in of_model), default=0)
        group = select(of_model, train_size=size)
        if not group:
            continue
        longest = max(r["trained_epochs"] or 0 for r in group)
        group = [r for r in group if (r["trained_epochs"] or 0) == longest]
        first = group[0]
        clean = sum(bool(r["timing_clean"]) for r in group)
        lines.append(
            (
                NAMES[model], f"{size:,}", str(longest or NONE),
                _seconds(compiles.get(model)), _seconds(median_time(group, "epoch_s")),
                _seconds(median_time(group, "train_s")),
                _seconds(median_time(group, "predict_s")),
                f"{first['parameters']:,}", first["device"], f"{clean} of {len(group)}",
            )
        )  # fmt: skip
    return Table(
        "Time",
        "Medians over seeds, in seconds, each after the device had finished. `train` is optimiser "
        "steps alone, or one fit of the SVM; `predict` is all test images once. Clean runs had the "
        "machine to themselves; where there are any, the medians are theirs.",
        ("model", "trained on", "epochs", "compile", "epoch", "train", "predict", "parameters",
         "device", "clean runs"),
        lines,
    )  # fmt: skip


def by_growth(found: Iterable[Growth]) -> Table:
    """The exponents with which time and memory grow."""
    lines = [
        (
            NAMES[growth.model], str(growth.batch_size or NONE), growth.what,
            f"{growth.law.exponent:.2f}", f"{growth.law.low:.2f} to {growth.law.high:.2f}",
            f"{growth.law.points[0][0]:,} to {growth.law.points[-1][0]:,}", str(len(growth.law.points)),
        )
        for growth in found
    ]  # fmt: skip
    return Table(
        "Growth with the number of training images",
        "An exponent of 1 is time in proportion to the images, 2 to their square: least squares on the "
        "logarithms of the medians at each size from 200 images, with 95% intervals. Where a model has "
        "clean runs, they alone are used.",
        ("model", "batch size", "what", "exponent", "95% interval", "images", "sizes"),
        lines,
    )


def select(rows: Iterable[Row], **wanted: Any) -> list[Row]:
    """The rows whose columns have the wanted values."""
    found = list(rows)
    for name, value in wanted.items():
        found = [row for row in found if row[name] == value]
    return found


def percent(values: Sequence[float | None]) -> str:
    """Mean and standard deviation over seeds of shares, in percent: `93.9 ± 0.4`."""
    return number([None if value is None else 100 * value for value in values], 1)


def number(values: Sequence[float | None], digits: int) -> str:
    """Mean ± standard deviation over seeds; the mean alone of one; a dash if any is missing."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return NONE
    spread = f" ± {stdev(known):.{digits}f}" if len(known) > 1 else ""
    return f"{mean(known):.{digits}f}{spread}"


def _accuracy_line(model: str, epochs: str, group: list[Row]) -> tuple[str, ...]:
    return (
        NAMES[model], f"{group[0]['train_size']:,}", epochs,
        percent([r["test_accuracy"] for r in group]),
        percent([r["train_accuracy"] for r in group]),
        number([r["test_loss"] for r in group], 3), str(len(group)),
    )  # fmt: skip


def _at(rows: list[Row], epochs: int) -> str:
    return percent([r["test_accuracy"] for r in select(rows, epochs=epochs)])


def _with_epochs(rows: list[Row]) -> str:
    if not rows:
        return NONE
    return (
        f"{percent([r['test_accuracy'] for r in rows])} ({median(r['epochs'] for r in rows):,.0f})"
    )


def _compile_seconds(rows: list[Row]) -> dict[str, float]:
    """Both programs of a model: the median over the cells that compiled them, each counted once."""
    seconds: dict[str, list[float]] = {}
    for row in {row["key"]: row for row in rows}.values():
        if row["compile_s"] and not row["from_disk"]:
            seconds.setdefault(row["model"], []).append(row["compile_s"])
    return {model: median(values) for model, values in seconds.items()}


def median_time(rows: list[Row], name: str) -> float | None:
    """Median seconds over the clean runs, or over all where none was clean."""
    clean = [r for r in rows if r["timing_clean"]]
    known = [r[name] for r in clean or rows if r[name] is not None]
    return median(known) if known else None


def _unclean(rows: list[Row]) -> str:
    return "" if any(r["timing_clean"] for r in rows) else " *"


def _seconds(value: float | None) -> str:
    return NONE if value is None else f"{value:.3g}"
