"""What a record must say of itself to be believed. The store asks, so that nobody after it sees another."""

import base64
from typing import Any

from bench.plan.spec import MEASUREMENT_VERSION, key_of

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
CURVES = ("epoch", "train_loss", "train_accuracy", "test_loss", "test_accuracy")
OPTIONAL = ("params", "memory", "programs", "search")
NONE = type(None)
TOLERANCE = 1e-9
CLASSES = 17


def fault_of(record: Any, key: str) -> str | None:
    """What is wrong with what stands in `cells/<key>.json`, as half a sentence; None if it is sound.

    Sound is a record of the cell `key` whose specification has that key, whose fields are of the
    kinds that readers count on, and in which what it says twice agrees.
    """
    if not isinstance(record, dict):
        return "it holds no record"
    if record.get("key") != key:
        return "it is not the record of the cell that it is named after"
    try:
        version = record["measurement_version"]
        if version > MEASUREMENT_VERSION:
            return (
                f"it is of measurement version {version}, and this hexbench knows "
                f"{MEASUREMENT_VERSION}: update hexbench to use it"
            )
        if key_of(record["spec"], record["data"]["fingerprint"], version) != key:
            return "its key is not that of its specification and data"
        return _other_than_specified(record) or (
            _unlike_a_failure(record)
            if record["status"] == "failed"
            else _unlike_a_measurement(record) or _figures_that_disagree(record)
        )
    except (
        LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError,
    ) as error:  # fmt: skip
        return f"it is damaged ({type(error).__name__}: {error})"


def _other_than_specified(record: Record) -> str | None:
    spec = record["spec"]
    different = [name for name in HEADER if record[name] != spec[name]]
    ended_early = record["stopped_at"] is not None and record["epochs"] < spec["epochs"]
    if record["epochs"] != spec["epochs"] and not ended_early:
        different.append("epochs")
    return f"its {different[0]} is not that of its specification" if different else None


def _unlike_a_failure(record: Record) -> str | None:
    return _wrong_kind({"error": record["error"]}, str) or _unlike_any(record)


def _unlike_a_measurement(record: Record) -> str | None:
    if record["status"] != "done":
        return f"its status is {record['status']!r}"
    history = record["history"]
    curves = {} if history is None else {name: history[name] for name in CURVES} | history
    if len({len(values) for values in curves.values()}) > 1:
        return "its history has curves of different lengths"
    numbers = [record["times"], record["metrics"], record.get("memory") or {}]
    numbers += [dict(enumerate(values)) for values in curves.values()]
    return (
        _unlike_any(record)
        or _wrong_kind({name: record[name] for name in ("params", "snapshots")}, dict)
        or _wrong_kind({"parameters": record["parameters"]}, int)
        or next(filter(None, (_wrong_kind(n, int, float, NONE) for n in numbers)), None)
    )


def _unlike_any(record: Record) -> str | None:
    """A field of the wrong kind among those that a failure has as well."""
    texts = {"data": record["data"]["name"]} | {
        name: record[name] for name in ("device", "machine")
    }
    return (
        _wrong_kind(texts, str)
        or _wrong_kind({name: record[name] for name in ("metrics", "times")}, dict)
        or _wrong_kind({name: record.get(name) for name in OPTIONAL}, dict, NONE)
        or _wrong_kind({"timing_clean": record["timing_clean"]}, bool, NONE)
    )


def _wrong_kind(values: dict[Any, Any], *kinds: type) -> str | None:
    """The first of some fields that is of none of these types, as a fault."""
    wrong = [name for name, value in values.items() if type(value) not in kinds]
    return f"its {wrong[0]} is of the wrong kind" if wrong else None


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
    """Of a confusion matrix; ValueError where it is none."""
    if len(counts) != CLASSES or not all(
        len(row) == CLASSES and all(type(n) is int and n >= 0 for n in row) for row in counts
    ):
        raise ValueError("a confusion matrix has 17 rows of 17 counts")
    return sum(row[i] for i, row in enumerate(counts)) / sum(map(sum, counts))


def _ones(text: str, count: int) -> int:
    """How many of `count` packed bits in base64 are set; ValueError where there are not so many bits."""
    packed = base64.b64decode(text)
    if not count <= 8 * len(packed) < count + 8:
        raise ValueError(f"{8 * len(packed)} bits for {count} images")
    return int.from_bytes(packed, "big").bit_count()
