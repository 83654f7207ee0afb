"""A data set in memory: images, labels, class names; its splits and the subsets drawn from them.

NumPy is imported inside methods: `Split` and `Subset` also serve planning, which must start fast.
"""

from dataclasses import dataclass, field
from functools import cached_property
from math import ceil, nextafter
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec import Struct

if TYPE_CHECKING:
    import numpy as np

SUBSET, RESPLIT, CLASSES = 0, 3, 4
"""Random streams of the draws; training uses 1 and 2."""


class Split(Struct, frozen=True):
    """How a data set is divided into training and test images, as by `train_test_split`."""

    test_size: float = 0.3
    """Share of the test images."""
    random_state: int | None = 42
    """None: not shuffled, the last `test_size` of the images are tested, or the data's own test part."""

    def __post_init__(self) -> None:
        if not 0 < self.test_size < 1:
            raise ValueError(f"test_size must be between 0 and 1, not {self.test_size}")

    def described(self, *, own: bool = False) -> str:
        """In words; `own`: it is the data's own test part instead."""
        if own:
            return "the data's own test part"
        drawn = "shuffle=False" if self.random_state is None else f"random_state={self.random_state}"
        return f"train_test_split(test_size={self.test_size:.2f}, {drawn})"

    @property
    def name(self) -> int | Literal["given"]:
        """The random state, or `given` where nothing is drawn."""
        return "given" if self.random_state is None else self.random_state

    def tested(self, count: int) -> int:
        """How many of `count` images are tested."""
        return ceil(count * self.test_size)

    def or_own(self, count: int, own: int | None) -> "Split":
        """This split, or that of `count` images of which `own` are the data's own test part."""
        if own is None:
            return self
        share = own / count
        while ceil(count * share) > own:  # by rounding
            share = nextafter(share, 0)
        return Split(share, None)


class Subset(Struct, frozen=True):
    """Which images of a data set one measurement uses."""

    size: int
    """Training images, validation included; with `resplit` the test images count too."""
    held_out: int = 0
    """So many of the training images, the last ones, are for validation."""
    resplit: bool = False
    """False: nested, stratified training subsets and the whole test part.
    True: `size` images drawn from all, divided by the split's test_size."""
    classes: int | None = None
    """Only images of so many classes, drawn by seed from `Dataset.choices`; None: of all."""


class Rows(NamedTuple):
    """Row numbers, int64 (n,) each, of one measurement's images."""

    train: "np.ndarray"
    validation: "np.ndarray"
    test: "np.ndarray"


@dataclass(frozen=True, eq=False)
class Provenance:
    """Where a data set comes from; sentences without their full stops."""

    origin: str = "unknown"
    licence: str = "unknown"
    synthetic: bool = False


UNKNOWN = Provenance()


def _are_some_of(rows: "np.ndarray", count: int) -> bool:
    """Whether they are row numbers of `count` rows, each once, neither none nor all."""
    import numpy as np

    found = np.unique(rows)
    whole = rows.dtype.kind in "iu" and rows.ndim == 1 and 0 < len(rows) == len(found) < count
    return bool(whole and found[0] >= 0 and found[-1] < count)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images with labels. Models see `images / pixel_max`."""

    name: str
    images: "np.ndarray"
    """uint8 (n, height, width) or (n, height, width, channels), 0 to pixel_max."""
    labels: "np.ndarray"
    """uint8, or uint16 above 256 classes, (n,): 0 to k - 1."""
    class_names: tuple[str, ...]
    """k names."""
    pixel_max: int = 255
    provenance: Provenance = UNKNOWN
    test_part: "np.ndarray | None" = None
    """Row numbers of the data's own test images, which are used instead of any split."""
    drawable: tuple[int, ...] | None = None
    """Classes from which `Subset.classes` may draw; None: all."""
    ground: int | None = None
    """Pixels below this are background noise, not ink; None: not known."""
    notes: tuple[str, ...] = ()
    """What a reader should know of how the files were read, sentences without their full stops."""
    _parts: "dict[Split, tuple[np.ndarray, np.ndarray]]" = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.images.ndim not in (3, 4) or str(self.images.dtype) != "uint8":
            raise ValueError(f"images are {self.images.dtype} {self.images.shape}, not uint8 (n, h, w[, c])")
        if self.labels.shape != (len(self.images),):
            raise ValueError(f"{len(self.images)} images but labels of shape {self.labels.shape}")
        if self.labels.dtype.kind not in "iu" or self.labels.min() < 0:
            raise ValueError("labels are not whole numbers from 0")
        if self.labels.max() >= self.classes:
            raise ValueError(f"label {self.labels.max()} but {self.classes} class names")
        if self.test_part is not None and not _are_some_of(self.test_part, len(self.images)):
            raise ValueError("the test part is not some of the rows, each once")

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width) or (height, width, channels)."""
        return self.images.shape[1:]

    @property
    def classes(self) -> int:
        """How many classes there are, those without an image included."""
        return len(self.class_names)

    @cached_property
    def class_counts(self) -> list[int]:
        """Images of each class."""
        import numpy as np

        return np.bincount(self.labels, minlength=self.classes).tolist()

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over shape, pixel_max, pixels, labels and the own test part; not the split."""
        import hashlib

        import numpy as np

        digest = hashlib.sha256(f"hexbench {self.images.shape} {self.pixel_max}\n".encode())
        digest.update(np.ascontiguousarray(self.images).data)
        digest.update(self.labels.astype("<u2").tobytes())
        if self.test_part is not None:
            digest.update(self.test_part.astype("<i8").tobytes())
        return digest.hexdigest()

    def split_by(self, split: Split) -> Split:
        """`split`, or that by the data's own test part if they have one."""
        return split.or_own(len(self.images), None if self.test_part is None else len(self.test_part))

    def parts(self, split: Split) -> "tuple[np.ndarray, np.ndarray]":
        """Row numbers of the training and test images: the data's own parts, else those of `split`."""
        if split not in self._parts:
            self._parts[split] = self._divide(split)
        return self._parts[split]

    def _divide(self, split: Split) -> "tuple[np.ndarray, np.ndarray]":
        import numpy as np

        rows = np.arange(len(self.images))
        if self.test_part is not None:
            return np.delete(rows, self.test_part), self.test_part
        from sklearn.model_selection import train_test_split

        train, test = train_test_split(
            rows,
            test_size=split.test_size,
            random_state=split.random_state,
            shuffle=split.random_state is not None,
        )
        return train, test

    def choices(self, split: Split) -> "np.ndarray":
        """The classes from which `Subset.classes` draws: those with a training and a test image."""
        import numpy as np

        there = [np.bincount(self.labels[rows], minlength=self.classes) > 0 for rows in self.parts(split)]
        choices = np.array(self.drawable or range(self.classes))
        return choices[np.logical_and(*there)[choices]]

    def draw(self, subset: Subset, split: Split, seed: int) -> Rows:
        """The images of one measurement; ValueError where there are too few.

        For one seed, smaller nested subsets lie inside larger ones.
        """
        if subset.resplit:
            train, test = self._resplit(subset.size, split, seed)
        else:
            train, test = self._nested(subset, split, seed)
        fitted = len(train) - subset.held_out
        return Rows(train[:fitted], train[fitted:], test)

    def _nested(self, subset: Subset, split: Split, seed: int) -> "tuple[np.ndarray, np.ndarray]":
        import numpy as np

        train, test = self.parts(split)
        among = ""
        if subset.classes is not None:
            rng = np.random.default_rng([seed, CLASSES])
            choices = self.choices(split)
            if len(choices) < subset.classes:
                raise ValueError(
                    f"{len(choices)} classes have training and test images; {subset.classes} are to be drawn"
                )
            drawn = choices[rng.choice(len(choices), subset.classes, replace=False)]
            train, test = (rows[np.isin(self.labels[rows], drawn)] for rows in (train, test))
            among = " of " + ", ".join(self.class_names[label] for label in sorted(drawn))
        if subset.size > len(train) or len(test) == 0:
            raise ValueError(
                f"there are {len(train)} training and {len(test)} test images{among}; "
                f"{subset.size} are to be trained on"
            )
        if subset.size < len(train) or subset.classes is not None:
            order = stratified_order(self.labels[train], np.random.default_rng([seed, SUBSET]))
            train = train[order][: subset.size]
        return train, test

    def _resplit(self, size: int, split: Split, seed: int) -> "tuple[np.ndarray, np.ndarray]":
        """`size` images: training images from the training part, test images from the test part.

        So nothing that is chosen on a part of the training images has seen a test image.
        """
        import numpy as np

        rng = np.random.default_rng([seed, RESPLIT])
        train, test = (rng.permutation(rows) for rows in self.parts(split))
        tested = split.tested(size)
        if size - tested > len(train) or tested > len(test):
            raise ValueError(f"there are {len(train) + len(test)} images, not {size}")
        return train[: size - tested], test[:tested]

    def pixels(self, rows: "np.ndarray") -> "np.ndarray":
        """Images for models that take images, (n, *shape).

        uint8 if pixel_max is 255, else float32 in 0..1.
        """
        import numpy as np

        images = self.images[rows]
        return images if self.pixel_max == 255 else images / np.float32(self.pixel_max)

    def features(self, rows: "np.ndarray") -> "np.ndarray":
        """Images for scikit-learn's classifiers: float32 (n, pixels) in 0..1."""
        import numpy as np

        return self.images[rows].reshape(len(rows), -1) / np.float32(self.pixel_max)


def stratified_order(labels: "np.ndarray", rng: "np.random.Generator") -> "np.ndarray":
    """An order of the n labels whose every prefix has about the class proportions of the whole.

    Each class is shuffled; the image of rank r = 1 ... m in its class stands at (r - u) / m, with u
    uniform in [0, 1), and the order sorts by that.
    """
    import numpy as np

    position = np.empty(len(labels))
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        rank = rng.permutation(len(rows)) + 1
        position[rows] = (rank - rng.random(len(rows))) / len(rows)
    return np.argsort(position, kind="stable")
