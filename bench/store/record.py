"""What a record holds, field by field.

A record is the cell that it measured and what came of it. Every reader gets these types; none asks
again whether a field is there.
"""

import base64
import zlib
from typing import Annotated

import numpy as np
from hexbench.plan.cell import MEASUREMENT_VERSION, Cell
from msgspec import Meta, Struct

LARGEST = 10**12
"""No count, no loss, no seconds and no megabytes come near."""
ROUNDING = 1e-6
"""By which a mean of 32-bit numbers may be above 1."""
LAST = "last"
"""The name of the only snapshot of a model that does not train by epochs."""

Count = Annotated[int, Meta(ge=0, le=LARGEST)]
Positive = Annotated[int, Meta(ge=1, le=LARGEST)]
Number = Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]
Amount = Annotated[float, Meta(ge=0, le=LARGEST)]
"""Seconds or megabytes."""
Share = Annotated[float, Meta(ge=0, le=1 + ROUNDING)]
Matrix = list[list[Count]]
"""Test images by class (rows) and predicted class (columns)."""
Single = str | bool | Number | None


class DataName(Struct, frozen=True):
    """The images that were measured on."""

    name: str
    fingerprint: str


class Environment(Struct, frozen=True, omit_defaults=True):
    """What a number depends on besides the code."""

    python: str
    system: str
    processor: str
    cores: int | None = None
    usable_cores: int | None = None
    flags: str | None = None
    """The processor's instruction sets that decide in which order programs add."""
    memory_gb: float | None = None
    hexbench: str | None = None
    commit: str | None = None
    packages: dict[str, str | None] = {}
    blas: list[str] = []
    variables: dict[str, str] = {}

    @property
    def machine(self) -> str:
        """The processor and its cores: times of different machines must not be pooled."""
        usable, cores = self.usable_cores, self.cores
        return f"{self.processor}, {cores if usable == cores else f'{usable} of {cores}'} cores"


class Metrics(Struct, frozen=True):
    """Of the weights that were tested. A loss is the mean cross-entropy in nats."""

    test_accuracy: Share
    test_loss: Number | None = None
    train_accuracy: Share | None = None
    train_loss: Number | None = None


class Mistake(Struct, frozen=True):
    """A test image that was assigned to another class."""

    label: Count
    predicted: Count
    confidence: Share | None
    pixels: bytes
    """In the order of the image's shape, a byte a value; base64 in JSON."""


class Bin(Struct, frozen=True):
    """The test images whose confidence is about the same."""

    bin: Count
    images: Positive
    confidence: Share
    accuracy: Share


class Snapshot(Struct, frozen=True, omit_defaults=True):
    """The predictions for the test images after some epoch."""

    correct: str
    """A bit a test image, packed, in base64."""
    confusion: Matrix | None = None
    """None for the tested weights, whose matrix is the record's."""
    calibration: list[Bin] | None = None
    mistakes: list[Mistake] = []
    losses: str | None = None
    """A byte a test image, compressed, in base64: see `packed_losses`."""


class History(Struct, frozen=True, omit_defaults=True):
    """By epoch: lists of one length, with None where nothing was evaluated."""

    epoch: list[Positive]
    train_loss: list[Number]
    train_accuracy: list[Share]
    test_loss: list[Number | None]
    test_accuracy: list[Share | None]
    validation_loss: list[Number | None] | None = None


class Times(Struct, frozen=True, omit_defaults=True):
    """Seconds; docs/measurement.md says of what."""

    compile_s: Amount | None = None
    first_call_s: Amount | None = None
    train_s: Amount | None = None
    epoch_s: Amount | None = None
    evaluate_s: Amount | None = None
    predict_s: Amount | None = None
    search_s: Amount | None = None
    total_s: Amount | None = None


class Memory(Struct, frozen=True):
    """Megabytes: at the highest, before the measurement, of the device, and of the fitted model."""

    peak_mb: Amount | None = None
    start_mb: Amount | None = None
    device_peak_mb: Amount | None = None
    model_mb: Amount | None = None
    """What a network has learned, or the size of another model when pickled; None where it cannot be."""


class Layer(Struct, frozen=True):
    """A layer and the shapes of its weights by name."""

    name: str
    shapes: dict[str, list[Positive]]
    parameters: Count


class Search(Struct, frozen=True):
    """A search for hyperparameters: its points with their mean accuracy over the folds."""

    best_score: Share
    method: str = ""
    folds: int = 0
    points: list[dict[str, Single]] = []
    mean_score: list[Share] = []

    @property
    def best(self) -> dict[str, Single]:
        """The point with the highest mean score, of equals the first."""
        return self.points[self.mean_score.index(max(self.mean_score))]


class Header(Cell, frozen=True, kw_only=True):
    """A cell on some data, whether it was measured or failed."""

    key: str
    measurement_version: int = MEASUREMENT_VERSION
    chosen: tuple[str, ...] = ()
    """The names of those `params` that the search of `params_from` has chosen."""
    epochs: Positive | None = None
    """Trained; fewer than planned where early stopping ended training."""
    stopped_at: Positive | None = None
    """The epoch that early stopping chose."""
    data: DataName
    environment: Environment
    device: str
    timing_clean: bool | None = None

    def __hash__(self) -> int:
        return hash(self.key)


class Failed(Header, frozen=True, kw_only=True, tag_field="status", tag="failed"):
    """A cell that raised."""

    error: str


class Done(Header, frozen=True, kw_only=True, tag_field="status", tag="done"):
    """A measured cell."""

    parameters: Count | None
    """How many numbers the model learned; None where it does not tell."""
    metrics: Metrics
    confusion: Matrix
    snapshots: dict[str, Snapshot]
    """By epoch, or LAST."""
    times: Times
    history: History | None = None
    memory: Memory = Memory()
    programs: dict[str, Count] | None = None
    """How many compiled programs came from the compiler, the disk and this process."""
    layers: tuple[Layer, ...] = ()
    search: Search | None = None

    @property
    def tested(self) -> int:
        """How many test images there are."""
        return sum(map(sum, self.confusion))

    @property
    def last(self) -> str:
        """The name of the snapshot of the tested weights."""
        return LAST if self.epochs is None else str(self.stopped_at or self.epochs)

    def matrix(self, snapshot: str) -> Matrix:
        """The confusion matrix of a snapshot."""
        return self.snapshots[snapshot].confusion or self.confusion

    def correct(self, snapshot: str) -> np.ndarray:
        """(images,) bool: which test images were classified correctly."""
        packed = np.frombuffer(base64.b64decode(self.snapshots[snapshot].correct), np.uint8)
        return np.unpackbits(packed)[: self.tested].astype(bool)

    def image_losses(self, snapshot: str) -> np.ndarray | None:
        """(images,) the loss of each test image, to 2.5%; None where a snapshot does not have them."""
        packed = self.snapshots[snapshot].losses
        return None if packed is None else unpacked_losses(packed)


Record = Done | Failed

SMALLEST_LOSS, STEPS_AN_OCTAVE = 2.0**-12, 14
"""Losses are kept as whole steps of a logarithmic scale: 255 steps reach 2**6.2 = 74."""


def packed_losses(losses: np.ndarray) -> str:
    """(n,) losses from 0 as a byte each, round(14 log2(1 + loss / 2**-12)), compressed, in base64."""
    steps = np.rint(STEPS_AN_OCTAVE * np.log2(1 + np.asarray(losses, float) / SMALLEST_LOSS))
    return base64.b64encode(zlib.compress(np.clip(steps, 0, 255).astype(np.uint8).tobytes(), 9)).decode()


def unpacked_losses(text: str) -> np.ndarray:
    """What `packed_losses` made a text of, (n,); ValueError if it did not."""
    try:
        steps = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)
    except zlib.error as error:
        raise ValueError(f"its losses cannot be unpacked: {error}") from None
    found: np.ndarray = SMALLEST_LOSS * (2 ** (steps / STEPS_AN_OCTAVE) - 1)
    return found
