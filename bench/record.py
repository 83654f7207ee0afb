"""What a record holds, field by field: readers after the store count on it and ask no more.

msgspec holds every stored record against these types (`bench.soundness`). A record may hold more;
what older versions did not write is `NotRequired`.
"""

from typing import Annotated, Any, NotRequired, TypedDict

import msgspec
from msgspec import Meta

CLASSES = 17
PIXELS = 400

SNAPSHOT_EPOCHS = (3, 5, 15, 50)
"""A snapshot is large: it is kept at the report's epochs and at the last, not at every evaluation."""

LARGEST = 10**12
"""No count, no loss, no seconds and no megabytes come near."""
ROUNDING = 1e-6
"""By which a mean of 32-bit numbers may be above 1."""

Count = Annotated[int, Meta(ge=0, le=LARGEST)]
Positive = Annotated[int, Meta(ge=1, le=LARGEST)]
Seed = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Label = Annotated[int, Meta(ge=0, lt=CLASSES)]
Number = Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]
Amount = Annotated[float, Meta(ge=0, le=LARGEST)]
"""Seconds or megabytes."""
Duration = Annotated[float, Meta(ge=1e-9, le=LARGEST)]
"""Seconds of what takes some."""
Share = Annotated[float, Meta(ge=0, le=1 + ROUNDING)]
Pixels = Annotated[bytes, Meta(min_length=PIXELS, max_length=PIXELS)]
"""An image in base64, a byte a pixel."""
Counts = Annotated[list[Count], Meta(min_length=CLASSES, max_length=CLASSES)]
Matrix = Annotated[list[Counts], Meta(min_length=CLASSES, max_length=CLASSES)]
"""Test images by class (rows) and predicted class (columns)."""
Single = str | bool | Number | None


def misfit(value: Any, kind: Any) -> str | None:
    """Where a value does not fit its type, as half a sentence; None if it fits."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$")
        where = place.strip(".`")
        what = what[0].lower() + what[1:]
        return f"its {where} is wrong: {what}" if where else what
    return None


class Spec(TypedDict):
    """Of `bench.plan.spec.CellSpec`, which the key vouches for, what is read of it."""

    epochs: Positive | None
    evaluate_at: list[Positive]


class DataName(TypedDict):
    """The images that were measured on."""

    name: str
    fingerprint: str


class Header(TypedDict):
    """What a record says whether its cell was measured or failed."""

    key: str
    spec: Spec
    model: str
    protocol: str
    fit: str | None
    images: Positive | None
    classes: Annotated[int, Meta(ge=2, le=CLASSES)] | None
    train_size: Positive
    seed: Seed
    batch_size: Positive | None
    epochs: Positive | None
    stopped_at: Positive | None
    """The epoch that validation chose."""
    data: DataName
    device: str
    machine: str
    commit: NotRequired[str | None]


class Failure(Header):
    """A cell that raised."""

    error: str
    timing_clean: bool | None
    metrics: dict[str, Number | None]
    times: dict[str, Amount | None]
    snapshots: dict[str, Any]
    params: dict[str, Single] | None


class Metrics(TypedDict):
    """Of the weights that were tested. A loss is the mean cross-entropy in nats."""

    test_accuracy: Share
    test_loss: Number | None
    train_accuracy: Share | None
    train_loss: NotRequired[Number | None]


class Mistake(TypedDict):
    """A test image that was taken for something else."""

    label: Label
    predicted: Label
    confidence: Share | None
    pixels: Pixels


class Bin(TypedDict):
    """The test images whose confidence is about the same."""

    bin: Count
    images: Positive
    confidence: Share
    accuracy: Share


class Snapshot(TypedDict):
    """What a model said of the test images after some epoch."""

    accuracy: Share
    confusion: Matrix
    right: str
    """A bit a test image, packed, in base64."""
    calibration: list[Bin] | None
    mistakes: list[Mistake]


class Measured(Header):
    """What every measured cell has."""

    error: None
    timing_clean: bool | None
    metrics: Metrics
    confusion: Matrix
    snapshots: dict[str, Snapshot]
    parameters: Count
    params: dict[str, Single]
    memory: NotRequired[dict[str, Amount | None] | None]
    """Megabytes: peak_mb, start_mb, device_peak_mb."""


class History(TypedDict):
    """By epoch: lists of one length, with None where nothing was evaluated."""

    epoch: list[Positive]
    train_loss: list[Number]
    train_accuracy: list[Share]
    test_loss: list[Number | None]
    test_accuracy: list[Share | None]
    validation_loss: NotRequired[list[Number | None]]


class NetworkTimes(TypedDict):
    """Seconds; docs/measurement.md says of what."""

    train_s: Duration
    epoch_s: Duration
    compile_s: NotRequired[Amount | None]
    first_call_s: NotRequired[Amount | None]
    evaluate_s: NotRequired[Amount | None]
    predict_s: NotRequired[Amount]
    total_s: NotRequired[Amount | None]


class Layer(TypedDict):
    """A layer and the shapes of its weights by name."""

    name: str
    shapes: dict[str, list[Positive]]
    parameters: Count


class NetworkRecord(Measured):
    """A trained network."""

    history: History
    times: NetworkTimes
    layers: NotRequired[list[Layer] | None]
    programs: NotRequired[dict[str, Count] | None]
    """How many were compiled, and how many came from the disk or the process."""


class SVMTimes(TypedDict):
    """Seconds of the last fit, the grid search, the prediction of the test images, and of all."""

    train_s: Duration
    search_s: NotRequired[Duration]
    predict_s: NotRequired[Amount]
    total_s: NotRequired[Amount | None]


class Search(TypedDict):
    """A grid search: its best mean score over the folds."""

    best_score: Share


class SVMRecord(Measured):
    """A fitted SVM."""

    history: None
    times: SVMTimes
    search: NotRequired[Search | None]
