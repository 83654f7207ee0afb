"""A cell: the full specification of one measurement, and the key it is stored under."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

MEASUREMENT_VERSION = 5
"""Raised when what a cell measures changes, so that older records are no longer taken for it."""

NESTED, REPORT, VALIDATED, SIMPLER = "nested", "report", "validated", "simpler"
"""Protocols: how a cell's images are drawn, and when a network's training ends."""

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
    protocol: str = NESTED
    """NESTED: part of the training images, and all test images. REPORT: `images` split 70/30.
    VALIDATED: as NESTED, but of `images` a fifth is held out to choose the epoch that is tested.
    SIMPLER: as these (SVM, network), on the images of a few `classes` alone."""
    images: int | None = None
    """Images drawn, where not all of them are fitted on; `train_size` are."""
    classes: int | None = None
    """Of SIMPLER: so many of the sixteen digits, drawn by seed. Else None: all seventeen classes."""
    train_size: int
    seed: int
    batch_size: int | None = None
    epochs: int | None = None
    """At most so many, of VALIDATED and SIMPLER; else just so many."""
    evaluate_at: tuple[int, ...] = ()
    """Epochs before the last after which the test images are evaluated."""
    fit: str | None = None
    """SVM only: `grid` searches, CHOSEN takes the parameters that the cell `grid` found."""
    grid: "CellSpec | None" = None
    """The grid search whose parameters this cell takes."""

    def key(self, fingerprint: str) -> str:
        """What its record is stored under, on the images with this fingerprint."""
        return key_of(asdict(self), fingerprint, MEASUREMENT_VERSION)

    @property
    def held_out(self) -> int:
        """How many training images choose the epoch that is tested, and are not fitted on."""
        drawn = None if self.protocol == REPORT else self.images
        return 0 if drawn is None else drawn - self.train_size

    @property
    def label(self) -> str:
        """A few words for progress lines and messages."""
        parts = [self.model, f"{self.train_size:,} images"]
        if self.epochs is not None:
            parts.append(f"{self.epochs:,} epochs of batches of {self.batch_size}")
        if self.classes is not None:
            parts.append(f"{self.classes} classes")
        if self.held_out:
            parts.append("stopped by validation")
        if self.fit is not None:
            parts.append(self.fit)
        return ", ".join(parts) + f", seed {self.seed}"

    @property
    def curve(self) -> tuple[Any, ...]:
        """What cells share that differ only in how long they train."""
        return (
            self.model, self.protocol, self.images, self.classes, self.train_size, self.seed,
            self.batch_size,
        )  # fmt: skip


def key_of(spec: dict[str, Any], fingerprint: str, version: int) -> str:
    """sha256 of the canonical JSON of a specification, data fingerprint and measurement version."""
    content = {"spec": spec, "fingerprint": fingerprint, "measurement_version": version}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
