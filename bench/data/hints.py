"""Hints: what looks wrong with a data set, with the evidence. They never stop anything.

Of pixels alone, and of class means beside those of images that a study knows to be right.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from hexbench.data.card import Known
from hexbench.data.dataset import Dataset
from hexbench.files import short

if TYPE_CHECKING:
    import numpy as np

Reference = Callable[[], Dataset]
"""Makes some grey images of each class as a study means them: upright, with its labels and its ink."""

LEAST_CLASSES = 8
"""Of the same names: fewer are often other things that are called 0 and 1 too."""
MARGIN = 0.2
"""A hypothesis is said if it is better than the data as they are by so much ..."""
LIKE = 0.5
"""... and if the data are then like the reference at all, which unrelated images are not."""
MOST_IMAGES = 200
"""Of a class, at the least, that its mean is taken of."""
MOST_NAMED = 5
DIM = 0.5
"""Of `pixel_max`: the highest pixel of images that may have been scaled."""

TURNS: Mapping[str, tuple[str, Callable[["np.ndarray"], "np.ndarray"]]] = {
    "": ("", lambda x: x),
    "transposed": ("X.swapaxes(1, 2)", lambda x: x.swapaxes(1, 2)),
    "mirrored": ("X[:, :, ::-1]", lambda x: x[:, :, ::-1]),
    "upside down": ("X[:, ::-1]", lambda x: x[:, ::-1]),
    "rotated by 180 degrees": ("X[:, ::-1, ::-1]", lambda x: x[:, ::-1, ::-1]),
    "rotated by 90 degrees to the right": ("X.swapaxes(1, 2)[:, ::-1]", lambda x: x.swapaxes(1, 2)[:, ::-1]),
    "rotated by 90 degrees to the left": (
        "X.swapaxes(1, 2)[:, :, ::-1]",
        lambda x: x.swapaxes(1, 2)[:, :, ::-1],
    ),
}
"""How images (n, height, width) may lie, and what puts them right."""


@dataclass(frozen=True)
class Hypothesis:
    """What may have happened to images and labels."""

    turn: str = ""
    inverted: bool = False
    shift: int = 0
    """Of the labels: 1 if they are one too high."""


AS_THEY_ARE = Hypothesis()


def hints(data: Dataset, reference: Reference | None, known: Mapping[str, Known]) -> list[str]:
    """What looks wrong, a sentence each without its full stop; nothing of data that are `known`."""
    if any(record.fingerprint == data.fingerprint for record in known.values()):
        return []
    found = [*_of_pixels(data), *_of_parts(data)]
    if reference is not None and len(data.shape) == 2:
        found += _of_likeness(data, reference())
    return found


def _of_pixels(data: Dataset) -> Iterator[str]:
    flat, white = data.images.reshape(len(data.images), -1), data.pixel_max
    lowest, highest = flat.min(axis=1), flat.max(axis=1)
    top = int(highest.max())
    if 0 < top < DIM * white:
        yield (
            f"the highest pixel is {top} of {white}: models see values up to {top / white:.2f}; multiply "
            f"the pixels by {white / top:.3g} if {top} is white"
        )
    few = flat[:: max(1, len(flat) // MOST_IMAGES)]
    if flat.min() < top and all(((part == 0) | (part == top)).all() for part in (few, flat)):
        yield f"every pixel is 0 or {top}: images of two tones (0 and 1 in a file are read so too)"
    plain = (lowest == highest).nonzero()[0]
    if len(plain):
        name = short(data.class_names[data.labels[plain[0]]])
        yield (
            f"{len(plain):,} of {len(flat):,} images are of one tone alone; the first is number "
            f"{plain[0]:,}, of class {name}"
        )


def _of_parts(data: Dataset) -> Iterator[str]:
    """Classes that cannot be learned."""
    import numpy as np

    if data.test_part is None:
        return
    trained = np.bincount(np.delete(data.labels, data.test_part), minlength=data.classes)
    tested = np.bincount(data.labels[data.test_part], minlength=data.classes)
    lacking = np.flatnonzero((trained == 0) & (tested > 0))
    if len(lacking):
        names = ", ".join(short(data.class_names[label]) for label in lacking[:MOST_NAMED])
        more = f" and {len(lacking) - MOST_NAMED:,} more" if len(lacking) > MOST_NAMED else ""
        yield (
            f"no training image is of class {names}{more}: {tested[lacking].sum():,} of {tested.sum():,} "
            "test images cannot be classified correctly"
        )


def _of_likeness(data: Dataset, right: Dataset) -> Iterator[str]:
    numbers = {name: number for number, name in enumerate(right.class_names)}
    labels = [
        label for label, name in enumerate(data.class_names) if name in numbers and data.class_counts[label]
    ]
    if len(labels) < LEAST_CLASSES:
        return
    meant = [numbers[data.class_names[label]] for label in labels]
    wanted = class_means(right, list(range(right.classes)), right.shape)
    means = class_means(data, labels, right.shape)
    scores = likenesses(means, meant, wanted)
    best = max(scores, key=scores.__getitem__)
    now, then = scores.get(AS_THEY_ARE, 0.0), scores[best]
    if then >= LIKE and then - now >= MARGIN:
        yield _said(best, now, then, data, right, float(means.mean()), float(wanted.mean()))


def class_means(data: Dataset, labels: list[int], shape: tuple[int, ...]) -> "np.ndarray":
    """The mean image of each of the `labels`, from 0 to 1, in the size `shape`."""
    import numpy as np
    from PIL import Image

    means = []
    for label in labels:
        rows = np.flatnonzero(data.labels == label)
        rows = rows[:: max(1, len(rows) // MOST_IMAGES)]
        mean = data.images[rows].mean(axis=0, dtype=np.float32) / data.pixel_max
        means.append(Image.fromarray(mean).resize((shape[1], shape[0]), Image.Resampling.BILINEAR))
    return np.stack([np.asarray(mean) for mean in means])


def likenesses(means: "np.ndarray", meant: list[int], wanted: "np.ndarray") -> dict[Hypothesis, float]:
    """By hypothesis: the mean correlation of class means with those wanted of the same class.

    `meant` are the classes of `means` among `wanted`. What all classes have in common is left out,
    so that other classes have nothing in common, and exchanged ink has the sign exchanged.
    """
    import numpy as np

    scores = {}
    for shift in (0, 1, -1):
        there = [i for i, number in enumerate(meant) if 0 <= number - shift < len(wanted)]
        if len(there) < LEAST_CLASSES:
            continue
        right = _unit(wanted[[meant[i] - shift for i in there]])
        for turn, inverted in product(TURNS, (False, True)):
            turned = _unit(TURNS[turn][1](means[there]))
            score = float(np.mean((turned * right).sum(axis=1)))
            scores[Hypothesis(turn, inverted, shift)] = -score if inverted else score
    return scores


def _unit(means: "np.ndarray") -> "np.ndarray":
    """(k, pixels): without what they have in common, each of mean 0 and length 1."""
    import numpy as np

    flat = (means - means.mean(axis=0)).reshape(len(means), -1)
    flat -= flat.mean(axis=1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def _said(
    best: Hypothesis, now: float, then: float, data: Dataset, right: Dataset, mean: float, wanted: float
) -> str:
    looks, remedies = [], []
    if best.turn:
        looks.append(f"the images look {best.turn}")
        remedies.append(f"{TURNS[best.turn][0]} of images (n, height, width)")
    if best.inverted:
        scale = data.pixel_max
        looks.append(
            f"ink and ground look exchanged (the classes' mean pixel is {scale * mean:.0f} where it should "
            f"be about {scale * wanted:.0f})"
        )
        remedies.append(f"{scale} - X")
    if best.shift:
        looks.append(f"the labels look one too {'high' if best.shift > 0 else 'low'}")
        remedies.append("y - 1" if best.shift > 0 else "y + 1")
    return (
        f"{' and '.join(looks)}: the means of the classes correlate {now:.2f} with those of {right.name} as "
        f"they are, and {then:.2f} with that undone; if it is so, save {' and '.join(remedies)}"
    )
