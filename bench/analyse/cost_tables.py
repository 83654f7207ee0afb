"""The tables of what training costs: seconds, and how time and memory grow."""

from collections.abc import Iterable
from statistics import median
from typing import Any

from bench.analyse.reported import BATCH_SIZE
from bench.analyse.scaling import Growth
from bench.analyse.tables import (
    NAMES,
    NONE,
    Table,
    mark,
    median_time,
    seconds_text,
    select,
)

Row = dict[str, Any]


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
        done = [r for r in group if r["status"] == "done"]
        clean = sum(bool(r["timing_clean"]) for r in done)
        lines.append(
            (
                NAMES[model], f"{size:,}", str(longest or NONE), seconds_text(compiles.get(model)),
                *(seconds_text(median_time(group, name)) for name in ("epoch_s", "train_s", "predict_s")),
                f"{done[0]['parameters']:,}" if done else NONE, done[0]["device"] if done else NONE,
                f"{clean} of {len(done)}" + mark(group),
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


def by_growth(found: Iterable[Growth], failed: Iterable[Row]) -> Table:
    """The exponents with which time and memory grow; `failed` are the rows of failed runs."""
    lines = [
        (
            NAMES[growth.model], str(growth.batch_size or NONE), growth.what,
            f"{growth.law.exponent:.2f}", f"{growth.law.low:.2f} to {growth.law.high:.2f}",
            f"{growth.law.points[0][0]:,} to {growth.law.points[-1][0]:,}",
            str(len(growth.law.points))
            + mark(select(failed, model=growth.model, fit=growth.fit, batch_size=growth.batch_size)),
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


def _compile_seconds(rows: list[Row]) -> dict[str, float]:
    """Both programs of a model: the median over the cells that compiled them, each counted once."""
    seconds: dict[str, list[float]] = {}
    for row in {row["key"]: row for row in rows}.values():
        if row["compile_s"] and not row["from_disk"]:
            seconds.setdefault(row["model"], []).append(row["compile_s"])
    return {model: median(values) for model, values in seconds.items()}
