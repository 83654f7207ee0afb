"""The tables of a report: readings in, rows of text out, with the spread over seeds in every figure.

Among the rows are those of failed runs, so that no group of runs is without one silently.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import mean, median, stdev
from typing import Any

from bench.analyse.reported import BATCH_SIZE, EPOCHS
from bench.plan.spec import GRID, GRID_WITH_PROBABILITY, VALIDATED

Row = dict[str, Any]
NONE = "–"
NAMES = {"mlp": "MLP", "cnn": "CNN", "svm": "SVM"}
EPOCHS_SHOWN = (1, 3, 5, 15, 50)
FAILED = " †"
FAILED_NOTE = "†: without runs that failed, which are named under Missing."


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

    def explained(self) -> "Table":
        """The same table; its note says what FAILED means, if it stands there."""
        marked = any(FAILED in text for row in (self.header, *self.rows) for text in row)
        return replace(self, note=f"{self.note} {FAILED_NOTE}") if marked else self


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
                    _percent(group, "test_accuracy"), _number(group, "test_loss"),
                    _median(group, "epoch_s"), ratio, _runs(group),
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
        line += [_percent(own, "test_accuracy"), _percent(chosen, "test_accuracy")]
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
            done = [r for r in group if r["status"] == "done"]
            accuracy = [100 * r["test_accuracy"] for r in done]
            lines.append(
                (
                    f"{images:,}", f"{group[0]['train_size']:,}",
                    "yes" if fit == GRID_WITH_PROBABILITY else "no",
                    _percent(group, "test_accuracy"),
                    f"{min(accuracy):.1f} to {max(accuracy):.1f}" if len(done) > 1 else NONE,
                    _percent(group, "cv_score"),
                    _most_chosen(done), _median(group, "search_s"), _runs(group),
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
        NAMES[model], f"{group[0]['train_size']:,}", epochs, _percent(group, "test_accuracy"),
        _percent(group, "train_accuracy"), _number(group, "test_loss"), _runs(group),
    )  # fmt: skip


def _percent(group: list[Row], name: str) -> str:
    return percent([r[name] for r in group if r["status"] == "done"]) + mark(group)


def _number(group: list[Row], name: str) -> str:
    return number([r[name] for r in group if r["status"] == "done"], 3) + mark(group)


def _median(group: list[Row], name: str) -> str:
    """Seconds, with a star where no run was clean."""
    done = [r for r in group if r["status"] == "done"]
    unclean = " *" if done and not any(r["timing_clean"] for r in done) else ""
    return seconds_text(median_time(group, name)) + unclean + mark(group)


def mark(group: list[Row]) -> str:
    """FAILED if any of the runs did."""
    return FAILED if any(r["status"] == "failed" for r in group) else ""


def _runs(group: list[Row]) -> str:
    """How many there are, and of how many where some failed."""
    done = sum(r["status"] == "done" for r in group)
    return str(done) if done == len(group) else f"{done} of {len(group)}"


def _most_chosen(group: list[Row]) -> str:
    if not group:
        return NONE
    params, times = Counter(r["params"] for r in group).most_common(1)[0]
    return params + (f" ({times} of {len(group)})" if len(group) > 1 else "")


def _at(rows: list[Row], epochs: int) -> str:
    return _percent(select(rows, epochs=epochs), "test_accuracy")


def _with_epochs(rows: list[Row]) -> str:
    stopped = [r["epochs"] for r in rows if r["status"] == "done"]
    middle = f" ({median(stopped):,.0f})" if stopped else ""
    return (
        percent([r["test_accuracy"] for r in rows if r["status"] == "done"]) + middle + mark(rows)
    )


def median_time(rows: list[Row], name: str) -> float | None:
    """Median seconds over the clean runs, or over all where none was clean."""
    clean = [r for r in rows if r["timing_clean"]]
    known = [r[name] for r in clean or rows if r[name] is not None]
    return median(known) if known else None


def seconds_text(value: float | None) -> str:
    """Three digits, or a dash."""
    return NONE if value is None else f"{value:.3g}"
