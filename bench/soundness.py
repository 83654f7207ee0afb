"""What a record must say of itself to be believed. The store asks, so that nobody after it sees another."""

import base64
from itertools import pairwise
from typing import Any

from bench.plan.spec import MEASUREMENT_VERSION, key_of
from bench.record import SNAPSHOT_EPOCHS, Failure, NetworkRecord, SVMRecord, misfit

Record = dict[str, Any]
HEADER = (
    "model",
    "protocol",
    "fit",
    "images",
    "classes",
    "train_size",
    "batch_size",
    "seed",
)
TOLERANCE = 1e-9


def fault_of(record: Any, key: str) -> str | None:
    """What is wrong with what stands in `cells/<key>.json`, as half a sentence; None if it is sound.

    Sound is a record of the cell `key` whose specification has that key, whose fields are those of
    `bench.record`, and in which what it says twice agrees.
    """
    if not isinstance(record, dict):
        return "it holds no record"
    if record.get("key") != key:
        return "it is not the record of the cell that it is named after"
    try:
        return _of_another_cell(record) or _unlike_a_record(record) or _disagreement(record)
    except (
        LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError,
    ) as error:  # fmt: skip
        return f"it is damaged ({type(error).__name__}: {error})"


def _of_another_cell(record: Record) -> str | None:
    version = record["measurement_version"]
    if version > MEASUREMENT_VERSION:
        return (
            f"it is of measurement version {version}, and this hexbench knows "
            f"{MEASUREMENT_VERSION}: update hexbench to use it"
        )
    if key_of(record["spec"], record["data"]["fingerprint"], version) != record["key"]:
        return "its key is not that of its specification and data"
    return None


def _unlike_a_record(record: Record) -> str | None:
    if record["status"] not in ("done", "failed"):
        return "its status is neither done nor failed"
    return misfit(record, _kind_of(record)) or _other_than_specified(record)


def _kind_of(record: Record) -> Any:
    if record["status"] == "failed":
        return Failure
    return SVMRecord if record["model"] == "svm" else NetworkRecord


def _other_than_specified(record: Record) -> str | None:
    spec = record["spec"]
    different = [name for name in HEADER if record[name] != spec[name]]
    ended_early = record["stopped_at"] is not None and record["epochs"] < spec["epochs"]
    if record["epochs"] != spec["epochs"] and not ended_early:
        different.append("epochs")
    return f"its {different[0]} is not that of its specification" if different else None


def _disagreement(record: Record) -> str | None:
    """Where a measured record says two things, or not what it should."""
    if record["status"] == "failed":
        return None
    history, wanted = record["history"], {"last"}
    if history is not None:
        epochs, last = history["epoch"], record["stopped_at"] or record["epochs"]
        if len({len(curve) for curve in history.values()}) > 1:
            return "its history has curves of different lengths"
        if any(a >= b for a, b in pairwise(epochs)) or epochs[-1:] != [record["epochs"]]:
            return "its history is not that of its epochs"
        tested = zip(epochs, history["test_accuracy"], strict=True)
        wanted = {str(e) for e, found in tested if found is not None and e in SNAPSHOT_EPOCHS}
        wanted.add(str(last))
    absent = sorted(wanted - record["snapshots"].keys())
    return f"it has no snapshot {absent[0]}" if absent else _figures_that_disagree(record)


def _figures_that_disagree(record: Record) -> str | None:
    stated = [(record["metrics"]["test_accuracy"], _share_right(record["confusion"]))]
    for name, snapshot in record["snapshots"].items():
        counts, accuracy = snapshot["confusion"], snapshot["accuracy"]
        tested = sum(map(sum, counts))
        stated += [
            (accuracy, _share_right(counts)),
            (accuracy, _ones(snapshot["right"], tested) / tested),
        ]
        if record["history"] is not None:
            at = record["history"]["epoch"].index(int(name))
            stated.append((accuracy, record["history"]["test_accuracy"][at]))
    if any(abs(a - b) > TOLERANCE for a, b in stated):
        return "its accuracy is not that of its confusion matrix"
    return None


def _share_right(counts: list[list[int]]) -> float:
    """Of a confusion matrix."""
    return sum(row[i] for i, row in enumerate(counts)) / sum(map(sum, counts))


def _ones(text: str, count: int) -> int:
    """How many of `count` packed bits in base64 are set; ValueError where there are not so many bits."""
    packed = base64.b64decode(text)
    if not count <= 8 * len(packed) < count + 8:
        raise ValueError(f"{8 * len(packed)} bits for {count} images")
    return int.from_bytes(packed, "big").bit_count()
