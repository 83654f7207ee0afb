"""Records as JSON, and what is wrong with one that contradicts itself."""

import base64
import json
from itertools import pairwise, starmap
from operator import ge, getitem
from typing import Any, TypeVar

import msgspec
from hexbench.plan.cell import MEASUREMENT_VERSION, frozen, identity_of, key_of
from hexbench.store.record import Done, Failed, Matrix, Record, Snapshot, unpacked_losses
from msgspec import Struct, ValidationError

TOLERANCE = 1e-9
T = TypeVar("T")

_decoder = msgspec.json.Decoder(Record)


class _Version(Struct):
    measurement_version: int


def encode(record: Record) -> bytes:
    """The JSON of a record, with fields that follow from others; ValueError for a NaN."""
    derived = {"train_size": record.train_size, "batch_size": record.batch_size}
    if isinstance(record, Done):
        derived["error"] = None
    content = msgspec.to_builtins(record) | derived
    return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()  # msgspec writes NaN as null


def decode(content: bytes, key: str | None = None) -> Record:
    """A record, of the cell `key` if that is given; ValueError says in half a sentence what is wrong."""
    try:
        record = _decoder.decode(content)
    except ValidationError as error:
        raise ValueError(_other_version(content) or _plainly(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {error}" if content else "it is empty") from None
    if record.measurement_version != MEASUREMENT_VERSION:
        raise ValueError(_other_version(content))
    if key not in (None, record.key):
        raise ValueError("it is not the record of the cell that it is named after")
    record = msgspec.structs.replace(record, params={k: frozen(v) for k, v in record.params.items()})
    if fault := _fault_of(record):
        raise ValueError(fault)
    return record


def as_utf8(content: bytes) -> bytes:
    """JSON in UTF-8 without a mark of byte order, as editors on other systems may have saved it otherwise."""
    return content.decode(json.detect_encoding(content)).encode()


def convert(value: Any, kind: type[T]) -> T:
    """The value as this type; ValueError says in half a sentence where it does not fit."""
    try:
        return msgspec.convert(value, kind)
    except ValidationError as error:
        raise ValueError(_plainly(error)) from None


def _plainly(error: ValidationError) -> str:
    what, _, place = str(error).partition(" - at `$")
    where = place.strip(".`")
    what = what[0].lower() + what[1:]
    return f"its {where} is wrong: {what}" if where else what


def _other_version(content: bytes) -> str | None:
    try:
        version = msgspec.json.decode(content, type=_Version).measurement_version
    except msgspec.DecodeError:
        return None
    if version == MEASUREMENT_VERSION:
        return None
    remedy = "update hexbench to use it" if version > MEASUREMENT_VERSION else "measure it again"
    ours = f"this hexbench reads version {MEASUREMENT_VERSION}"
    return f"it is of measurement version {version}, and {ours}: {remedy}"


def _fault_of(record: Record) -> str | None:
    """Where a record contradicts itself, as half a sentence."""
    if not set(record.chosen) <= record.params.keys():
        return "a hyperparameter that was chosen is not among its params"
    if key_of(identity_of(record, record.chosen), record.data.fingerprint) != record.key:
        return "its key is not that of its specification and data"
    if isinstance(record, Failed):
        return None
    return _fault_of_epochs(record) or _fault_of_predictions(record)


def _fault_of_epochs(record: Done) -> str | None:
    history, planned = record.history, record.planned_epochs
    if (history is None) != (record.epochs is None):
        return "it has a history or epochs, but not both"
    if history is None or record.epochs is None:
        return None
    stopped_early = record.stopped_at is not None and planned and record.epochs < planned
    if record.epochs != planned and not stopped_early:
        return "its epochs are not those of its specification"
    lists = [values for values in msgspec.structs.astuple(history) if values is not None]
    if len({len(values) for values in lists}) > 1:
        return "its history has curves of different lengths"
    if any(starmap(ge, pairwise(history.epoch))) or history.epoch[-1:] != [record.epochs]:
        return "its history is not that of its epochs"
    return None


def _fault_of_predictions(record: Done) -> str | None:
    count = record.tested
    if record.last not in record.snapshots:
        return f"it has no snapshot {record.last}"
    if not count:
        return "it has no test image"
    curve = record.history
    tested = dict(zip(curve.epoch, curve.test_accuracy, strict=True)) if curve else {}
    for name, kept in record.snapshots.items():
        said = [tested.get(int(name))] if name.isdecimal() else []
        if name == record.last:
            said.append(record.metrics.test_accuracy)
        accuracies = [accuracy for accuracy in said if accuracy is not None]
        matrix = record.matrix(name)
        if not said or len(accuracies) < len(said) or set(map(len, matrix)) != {len(matrix)}:
            return f"its snapshot {name} is not one of its evaluations"
        if fault := _fault_of_snapshot(kept, accuracies, matrix, count):
            return fault
    return None


def _fault_of_snapshot(kept: Snapshot, accuracies: list[float], matrix: Matrix, count: int) -> str | None:
    correct = sum(map(getitem, matrix, range(len(matrix))))
    wrong = any(abs(correct / count - accuracy) > TOLERANCE for accuracy in accuracies)
    if wrong or sum(map(sum, matrix)) != count:
        return "its accuracy is not that of its confusion matrix"
    if _ones(kept.correct, count) != correct:
        return "its correct test images are not those of its confusion matrix"
    if kept.losses is not None and _number_of(kept.losses) != count:
        return "it has not a loss for each test image"
    return None


def _number_of(losses: str) -> int | None:
    """Of packed losses; None where the text is damaged."""
    try:
        return len(unpacked_losses(losses))
    except ValueError:
        return None


def _ones(text: str, count: int) -> int | None:
    """How many of `count` packed bits in base64 are set; None where there are not so many bits."""
    try:
        packed = base64.b64decode(text)
    except ValueError:
        return None
    fits = count <= 8 * len(packed) < count + 8
    return int.from_bytes(packed, "big").bit_count() if fits else None
