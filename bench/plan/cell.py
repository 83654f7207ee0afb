"""A cell: the full specification of one measurement, and the key that it is stored under."""

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from math import isfinite
from typing import Any, Literal, Self

import msgspec
from hexbench.data.dataset import Split, Subset
from hexbench.models import Entry
from msgspec import Struct

MEASUREMENT_VERSION = 6
"""Raised when what a cell measures changes, so that older records are no longer taken for it."""

SOURCES = INITIALISATION, ORDER, SUBSET = "initialisation", "order", "subset"
"""What a seed draws: the initial weights, the order of the training images, which images these are."""

Value = Any
"""Of a hyperparameter: None, bool, int, float, str, or a tuple of values."""


class Cell(Struct, frozen=True, kw_only=True, dict=True):
    """One measurement. Two equal cells on the same images are the same measurement."""

    model: str
    params: dict[str, Value]
    """Every hyperparameter, defaults included; without those that `params_from` chooses."""
    subset: Subset
    split: int | Literal["given"]
    """The random state of the split, or `given` by the order of the data or by their own test part."""
    test_size: float
    """The share of test images."""
    seed: int
    evaluate_at: tuple[int, ...] = ()
    """Epochs before the last after which the test images are evaluated."""
    snapshot_at: tuple[int, ...] = ()
    """Those of `evaluate_at` after which the predictions are kept; they always are at the end."""
    params_from: str | None = None
    """The identity of the search whose chosen hyperparameters this cell takes."""
    losses: bool = False
    """Whether the snapshots keep the loss of each test image."""
    held: tuple[str, ...] = ()
    """Those of SOURCES that are drawn by `held_seed` instead of `seed`."""
    held_seed: int = 0
    source: str = ""
    """sha256 of the model's source, where it is not hexbench's own: an edited model is another one."""

    @cached_property
    def identity(self) -> str:
        """sha256 of the specification, whatever the data."""
        return _digest(_specification(self, self.params))

    def key_on(self, fingerprint: str) -> str:
        """What its record is stored under, on the images with this fingerprint."""
        return key_of(self.identity, fingerprint)

    def __hash__(self) -> int:
        return hash(self.identity)

    @property
    def parts(self) -> Split:
        """How the data are split."""
        return Split(self.test_size, None if self.split == "given" else self.split)

    @property
    def train_size(self) -> int:
        """How many images are fitted on."""
        size = self.subset.size
        return size - (self.parts.tested(size) if self.subset.resplit else self.subset.held_out)

    @property
    def planned_epochs(self) -> int | None:
        """At most so many; None for a model that does not train by epochs."""
        return self.params.get("epochs")

    @property
    def batch_size(self) -> int | None:
        """Images of an optimizer step; None for a model without."""
        return self.params.get("batch_size")

    @property
    def protocol(self) -> Literal["nested", "resplit"]:
        """How its images are drawn, see `Subset`."""
        return "resplit" if self.subset.resplit else "nested"

    def seed_of(self, source: str) -> int:
        """The seed that draws one of SOURCES."""
        return self.held_seed if source in self.held else self.seed

    @property
    def varied(self) -> str:
        """The only source that `seed` draws; empty where it draws all."""
        return next((source for source in SOURCES if self.held and source not in self.held), "")

    def but(self, **changes: Any) -> Self:
        """The same cell with other fields."""
        return msgspec.structs.replace(self, **changes)


def key_of(identity: str, fingerprint: str) -> str:
    """sha256 of a cell's identity, the fingerprint of the data and the measurement version."""
    return _digest({"cell": identity, "data": fingerprint, "version": MEASUREMENT_VERSION})


def identity_of(cell: Cell, chosen: tuple[str, ...]) -> str:
    """The identity of a measured cell, whose `params` include those that a search has chosen."""
    params = {name: value for name, value in cell.params.items() if name not in chosen}
    return _digest(_specification(cell, params))


def label_of(cell: Cell, models: Mapping[str, Entry], own_split: int | str | None = None) -> str:
    """A few words for progress lines and messages: what differs from the model's defaults.

    The split is named where it is not the study's own.
    """
    entry = models.get(cell.model)
    size = f"{cell.train_size:,} images"
    if cell.subset.resplit:
        size = f"{cell.train_size:,} of {cell.subset.size:,} images"
    parts = [entry.label if entry else cell.model, size]
    if cell.planned_epochs is not None:
        parts.append(f"{cell.planned_epochs:,} epochs")
    parts += [
        f"{name}={shown(value)}"
        for name, value in cell.params.items()
        if name != "epochs" and (entry is None or entry.defaults.get(name) != value)
    ]
    if cell.subset.classes is not None:
        parts.append(f"{cell.subset.classes} classes")
    if cell.subset.held_out:
        parts.append("early stopping")
    if cell.params_from is not None:
        parts.append("hyperparameters of a search")
    if cell.varied:
        parts.append(f"{cell.varied} alone varied")
    if own_split is not None and cell.split != own_split:
        parts.append(f"split {cell.split}")
    return ", ".join(parts) + f", seed {cell.seed}"


def shown(value: Value) -> str:
    """A hyperparameter's value as tables have it: `0.001`, `64-32`, `relu`."""
    if isinstance(value, tuple | list):
        return "-".join(map(shown, value)) or "()"
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def frozen(value: Value) -> Value:
    """A value with tuples in place of lists, which is how cells and models have it."""
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value


def is_plain(value: Value) -> bool:
    """Whether a record can hold the value: see `Value`; numbers are finite, words are printable."""
    if isinstance(value, tuple):
        return all(map(is_plain, value))
    if isinstance(value, str):
        return value.isprintable()
    return isinstance(value, bool | int | None) or (isinstance(value, float) and isfinite(value))


def _specification(cell: Cell, params: dict[str, Value]) -> dict[str, Any]:
    fields = {name: getattr(cell, name) for name in Cell.__struct_fields__ if name != "params"}
    # What came later is no part of the identity of cells without it.
    unset: tuple[str, ...] = () if cell.held else ("held", "held_seed")
    unset += tuple(name for name in ("losses", "source") if not getattr(cell, name))
    fields = {name: value for name, value in fields.items() if name not in unset}
    return msgspec.to_builtins(fields | {"params": params})


def _digest(content: Any) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
