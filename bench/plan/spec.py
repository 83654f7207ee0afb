"""A cell: the full specification of one measurement, and the key it is stored under."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

MEASUREMENT_VERSION = 2
"""Raised when what a cell measures changes, so that older records are no longer taken for it."""

CHOSEN = "chosen by the largest grid"
GRID = "grid"
GRID_WITH_PROBABILITY = "grid, probability=True"

SVM_TRAIN_ACCURACY_UP_TO = 10_000
"""Predicting costs an SVM as much as training: above this many images its accuracy on them is null."""


@dataclass(frozen=True, kw_only=True)
class CellSpec:
    """One measurement. Two equal specifications on the same images are the same cell."""

    model: str
    """`mlp`, `cnn` or `svm`."""
    protocol: str = "nested"
    """`nested`: part of the training images, all test images. `report`: `images` split 70/30."""
    images: int | None = None
    """Images drawn under the protocol `report`, of which `train_size` are fitted on."""
    train_size: int
    seed: int
    batch_size: int | None = None
    epochs: int | None = None
    evaluate_at: tuple[int, ...] = ()
    """Epochs before the last after which the test images are evaluated."""
    fit: str | None = None
    """SVM only: `grid` searches, CHOSEN takes the parameters that the cell `grid` found."""
    grid: "CellSpec | None" = None
    """The grid search whose parameters this cell takes."""

    def key(self, fingerprint: str) -> str:
        """sha256 of the canonical JSON of specification, data fingerprint and measurement version."""
        content = {
            "spec": asdict(self),
            "fingerprint": fingerprint,
            "measurement_version": MEASUREMENT_VERSION,
        }
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def label(self) -> str:
        """A few words for progress lines and messages."""
        parts = [self.model, f"{self.train_size:,} images"]
        if self.epochs is not None:
            parts.append(f"{self.epochs:,} epochs of batches of {self.batch_size}")
        if self.fit is not None:
            parts.append(self.fit)
        return ", ".join(parts) + f", seed {self.seed}"

    @property
    def curve(self) -> tuple[Any, ...]:
        """What cells share that differ only in how long they train."""
        return (self.model, self.protocol, self.images, self.train_size, self.seed, self.batch_size)
