"""Photographs of characters on paper, drawn from test images, and how many a saved model recognises."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from hexbench.data.dataset import Dataset
from hexbench.errors import BadInput
from hexbench.report.table import NONE, Table
from hexbench.saved.load import Answer, SavedModel
from hexbench.studies.digit_recognizer.data.ground import EMPTY, NOISE_TOP
from PIL import Image
from scipy.ndimage import affine_transform, gaussian_filter

NOISE = int(NOISE_TOP)
"""Up to this the small images have noise in place of black."""
ENLARGED = 24
"""Pixels a pixel of the small images has while it is written anew."""


PICTURES: Mapping[str, Mapping[str, Any]] = {
    "12 pixels": {"size": (12, 12), "share": 0.8, "uneven": 0.3, "turned": 3},
    "16 pixels, light ink": {"size": (16, 20), "share": 0.75, "dark": False, "turned": 3},
    "20 pixels": {"size": (20, 20), "share": 0.7, "uneven": 0.3},
    "64 pixels": {"size": (64, 48), "share": 0.6},
    "400 pixels": {"size": (300, 400)},
    "400 pixels, light ink": {"size": (300, 400), "dark": False},
    "uneven light": {"size": (300, 400), "uneven": 0.75},
    "sensor noise": {"size": (300, 400), "noise": 25},
    "ruled paper": {"size": (300, 400), "ruled": True},
    "beside the paper": {"size": (300, 400), "table": True},
    "a shadow": {"size": (300, 400), "shadow": True},
    "nearly filled": {"size": (200, 200), "share": 0.85},
    "far away": {"size": (600, 800), "share": 0.12},
    "2,000 pixels": {"size": (1500, 2000), "share": 0.3},
    "2,000 pixels, light ink": {"size": (2000, 1500), "share": 0.15, "dark": False},
}
"""Options of `photograph`, by the name of the kind of picture."""
DRAWN, DRAWN_LARGE = 200, 60
"""Test images that are photographed, of each kind; of pictures with more than 1,000 pixels a side."""
SEED = 5


def recognised(model: SavedModel, data: Dataset) -> Table:
    """How many test images a saved model recognises: as they are, and as photographs of each kind.

    BadInput where the model was trained on other data.
    """
    about = model.description
    if about.data.fingerprint != data.fingerprint:
        raise BadInput(f"the model was trained on {about.data.name}, not on these images of {data.name}.")
    _, test = data.parts(about.cell.parts)
    images, labels = data.images[test], data.labels[test]
    rows = [_row("the test images, 20 x 20", model, data, list(images), labels)]
    written = labels != EMPTY
    images, labels = images[written], labels[written]
    for name, options in PICTURES.items():
        rng, count = np.random.default_rng(SEED), DRAWN_LARGE if max(options["size"]) > 1_000 else DRAWN
        pictures = [photograph(image, rng, **options) for image in images[:count]]
        rows.append(_row(name, model, data, pictures, labels[:count]))
    header = ("pictures", "images", "recognised %", "accepted %", "wrong of accepted %")
    note = (
        f"{about.label} on {data.name}, seed {about.cell.seed}: of all test images as they are, and of "
        "photographs drawn from the first of those with ink. Accepted: not answered by `not sure`."
    )
    return Table("Photographs", note, header, rows, "l")


def _row(
    name: str, model: SavedModel, data: Dataset, pictures: list[np.ndarray], labels: np.ndarray
) -> tuple[str, ...]:
    answers = model.predict(pictures)
    right = np.array([_is(data, a, int(label)) for a, label in zip(answers, labels, strict=True)])
    accepted = np.array([answer.status != "not sure" for answer in answers])
    wrong = f"{100 * (1 - right[accepted].mean()):.1f}" if accepted.any() else NONE
    return name, f"{len(pictures):,}", f"{100 * right.mean():.1f}", f"{100 * accepted.mean():.1f}", wrong


def _is(data: Dataset, answer: Answer, label: int) -> bool:
    if answer.status == "empty":
        return label == EMPTY
    return answer.label == data.class_names[label]


def strokes(image: np.ndarray) -> np.ndarray:
    """How much of each pixel is ink, (480, 480) float32, in an image (20, 20) of the course's kind."""
    clean = np.clip((image.astype(np.float32) - NOISE) / (255 - NOISE), 0, 1)
    large = np.asarray(Image.fromarray(clean).resize([ENLARGED * side for side in image.shape[::-1]]))
    return np.clip((gaussian_filter(large, ENLARGED / 4) - 0.18) / 0.15, 0, 1)


def photograph(
    image: np.ndarray,
    rng: np.random.Generator,
    size: tuple[int, int] = (300, 400),
    share: float = 0.4,
    dark: bool = True,
    *,
    turned: float = 5.0,
    slant: float = 0.1,
    uneven: float = 0.45,
    noise: float = 4.0,
    ruled: bool = False,
    table: bool = False,
    shadow: bool = False,
) -> np.ndarray:
    """A picture, uint8 (h, w): the character takes `share` of the shorter side, somewhere near the middle.

    `turned` (degrees) and `slant` are standard deviations, `uneven` the share of light that is lost from
    the lightest corner to the darkest, `noise` the sensor's, of 255. `ruled` paper has lines, `table` shows
    beside the paper, a `shadow` has an edge.
    """
    cover = strokes(image)
    height, width = size
    wide = share * min(size) / (0.8 * cover.shape[0])  # the ink takes 80% of the small image
    angle = np.deg2rad(rng.normal(0, turned))
    lean = rng.normal(0, slant)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    onto = turn @ np.array([[1, 0], [lean, 1]]) * wide  # rows, columns
    back = np.linalg.inv(onto)
    middle = (np.array(size) - 1) / 2
    at = middle + rng.uniform(-0.6, 0.6, 2) * np.maximum(0, np.array(size) / 2 - 0.68 * share * min(size))
    source = (np.array(cover.shape) - 1) / 2
    smooth = gaussian_filter(cover, 0.4 / wide) if wide < 1 else cover
    ink = affine_transform(smooth, back, source - back @ at, output_shape=size, order=1)
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    direction = rng.uniform(0, 2 * np.pi)
    light = 1 - uneven * (0.5 + 0.35 * (np.cos(direction) * x + np.sin(direction) * y))
    light -= 0.1 * uneven * (x**2 + y**2)
    if shadow:
        edge = np.cos(direction + 1) * x + np.sin(direction + 1) * y + rng.uniform(-0.3, 0.3)
        light *= 1 - 0.3 / (1 + np.exp(-edge * 25))
    paper, pen = (235.0, rng.uniform(25, 90)) if dark else (rng.uniform(25, 60), 235.0)
    picture = np.full(size, paper) + gaussian_filter(rng.normal(0, 1, size), 1) * 6
    if ruled:
        for row in np.arange(rng.uniform(0, 0.2), 1, 0.2) * height:
            line = np.abs(np.arange(height)[:, None] - row + 0.03 * np.arange(width)) < max(0.6, height / 300)
            picture = np.where(line, paper + 0.35 * (pen - paper), picture)
    picture = picture + (pen - picture) * ink
    if table:
        beside = x + 0.1 * y > 0.8
        picture = np.where(beside, 70.0 if dark else 190.0, picture)
    picture = picture * light
    picture = gaussian_filter(picture, max(size) / 1500) + rng.normal(0, noise, size)
    return np.clip(picture, 0, 255).astype(np.uint8)
