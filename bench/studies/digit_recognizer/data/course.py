"""The course's data folder: two files of 20 x 20 images and of labels 0 to 16."""

from io import BytesIO
from pathlib import Path

import numpy as np
from hexbench.data import npy
from hexbench.data.dataset import UNKNOWN, Dataset, Provenance
from hexbench.data.images import read_image_header, read_images
from hexbench.data.labels import read_labels
from hexbench.data.sources import absence
from hexbench.errors import BadInput
from hexbench.files import short, write_whole
from hexbench.studies.digit_recognizer.data.ground import CLASS_NAMES, EMPTY, NOISE_TOP, SIDE
from hexbench.studies.digit_recognizer.data.sources import IMAGES_FILE, LABELS_FILE

SHAPE = (SIDE, SIDE)
GROUND = int(NOISE_TOP) + 1
NAMED = {text: i for i, name in enumerate(CLASS_NAMES) for text in (name, name.lower())}
"""What labels that are texts mean."""


def read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 20, 20) and labels (n,), uint8, of a folder; BadInput if they are not that."""
    with npy.plain_file(_file(folder, IMAGES_FILE)) as opened:
        images = read_images(opened, SHAPE)
    with npy.plain_file(_file(folder, LABELS_FILE)) as opened:
        codes, values = read_labels(opened, len(images), len(CLASS_NAMES))
        numbers = [_number(value, opened.name) for value in values]
        if min(numbers) < 0 or max(numbers) > EMPTY:
            remedy = ""
            if (min(numbers), max(numbers)) == (1, EMPTY + 1):
                remedy = "; subtract 1 if they count the classes from 1"
            raise BadInput(
                f"{opened.name} holds labels from {min(numbers)} to {max(numbers)}: expected 0 to "
                f"{EMPTY}{remedy}."
            )
        if len(set(numbers)) < 2:
            raise BadInput(f"{opened.name} holds only one class: a classifier needs at least two.")
    return images, np.array(numbers, np.uint8)[codes]


def _number(value: int | str, name: str) -> int:
    """The class that a label means; BadInput for a text that is no class's name."""
    if isinstance(value, int):
        return value
    if value not in NAMED:
        raise BadInput(
            f"{name} holds the label {short(value)!r}: texts must be the names 0 to 9, A to F (or a to f) "
            f"and {CLASS_NAMES[EMPTY]}."
        )
    return NAMED[value]


def count(folder: Path) -> int:
    """How many images a folder holds, from the file's header alone; BadInput if not valid."""
    _file(folder, LABELS_FILE)
    with npy.plain_file(_file(folder, IMAGES_FILE)) as opened:
        return read_image_header(opened, SHAPE)[0].shape[0]


def write(folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Write images (n, 20, 20) and labels (n,), uint8, into a folder, durably."""
    for name, array in (
        (IMAGES_FILE, images.reshape(len(images), -1)),
        (LABELS_FILE, labels),
    ):
        header = BytesIO()
        np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
        write_whole(folder / name, header.getvalue(), np.ascontiguousarray(array).data)


def dataset(name: str, images: np.ndarray, labels: np.ndarray, provenance: Provenance = UNKNOWN) -> Dataset:
    """The data set of images (n, 400) or (n, 20, 20) and labels (n,), uint8, of the 17 classes."""
    return Dataset(
        name,
        images.reshape(-1, *SHAPE),
        labels,
        CLASS_NAMES,
        provenance=provenance,
        drawable=tuple(range(EMPTY)),
        ground=GROUND,
    )


def _file(folder: Path, name: str) -> Path:
    file = folder / name
    if not file.is_file():
        raise BadInput(f"{file} {absence(file)}: a data folder needs {IMAGES_FILE} and {LABELS_FILE}.")
    return file
