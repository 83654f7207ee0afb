"""Flattens records into readings: one row for each cell and each epoch whose test accuracy is known.

Tables, figures and checks ask for "CNN, batches of 16, all images, 3 epochs" and get it from
whichever cell trained at least that long.
"""

from collections.abc import Iterable
from typing import Any

from bench.plan.spec import NESTED, REPORT

Record = dict[str, Any]

COLUMNS = (
    "key", "status", "model", "protocol", "fit", "images", "classes", "train_size", "batch_size",
    "epochs", "stopped_at", "seed", "data", "fingerprint", "params", "parameters", "test_accuracy",
    "test_loss", "train_accuracy", "train_loss", "cv_score", "compile_s", "first_call_s", "train_s",
    "epoch_s", "evaluate_s", "search_s", "predict_s", "total_s", "peak_mb", "start_mb", "device", "machine",
    "commit", "timing_clean", "compiled", "from_disk", "error",
)  # fmt: skip


def flat(record: Record) -> dict[str, Any]:
    """A record as one row of `cells.csv`."""
    params = record["params"] or {}
    programs = record.get("programs") or {}
    row = {
        **record,
        **record["metrics"],
        **record["times"],
        "data": record["data"]["name"],
        "fingerprint": record["data"]["fingerprint"],
        "params": " ".join(f"{name}={value}" for name, value in params.items()),
        **(record.get("memory") or {}),
        "compiled": programs.get("compiled"),
        "from_disk": programs.get("disk"),
        "cv_score": (record.get("search") or {}).get("best_score"),
    }
    return {name: row.get(name) for name in COLUMNS}


def readings(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Rows of done cells like those of `flat`; `trained_epochs` is what the whole cell trained, `tested` how
    many test images there were."""
    rows = []
    for record in records:
        if record["status"] != "done":
            continue
        tested = sum(map(sum, record["confusion"]))
        whole = flat(record) | {"trained_epochs": record["epochs"], "tested": tested}
        history = record["history"]
        if history is None:
            rows.append(whole)
            continue
        for i, epoch in enumerate(history["epoch"]):
            if history["test_accuracy"][i] is None:
                continue
            measured = {name: values[i] for name, values in history.items() if name != "epoch"}
            share = epoch / record["epochs"]
            rows.append(whole | measured | {"epochs": epoch, "train_s": whole["train_s"] * share})
    return rows


def failures(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Rows like those of `readings` for the cells that failed, with nothing in them that was measured."""
    rows = []
    for record in records:
        if record["status"] != "failed":
            continue
        nothing = flat(record) | {"trained_epochs": record["epochs"], "tested": None}
        # After which epoch validation would have stopped nobody knows.
        epochs = epochs_planned(record) if record["protocol"] in (NESTED, REPORT) else (None,)
        rows += [nothing | {"epochs": epoch} for epoch in epochs or (None,)]
    return rows


def epochs_planned(record: Record) -> tuple[int, ...]:
    """The epochs after which a network's cell was to be evaluated; none for other models."""
    spec = record["spec"]
    return () if spec["epochs"] is None else (*spec["evaluate_at"], spec["epochs"])
