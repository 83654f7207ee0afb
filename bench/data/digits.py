"""scikit-learn's hand-written digits: 1,797 real images of 8 x 8, without a network."""

from hexbench.data.dataset import Dataset, Provenance
from hexbench.data.sources import Source
from hexbench.errors import BadInput

NAME = "digits"
IMAGES, SHAPE, CLASSES = 1_797, (8, 8), 10
PIXEL_MAX = 16
ORIGIN = (
    "the test part of the UCI ML hand-written digits (Alpaydin and Kaynak 1998), as in "
    "sklearn.datasets.load_digits"
)
LICENCE = "CC BY 4.0"


def source(argument: str | None, _: int | None) -> Source:
    """The source named `digits`; BadInput if it is given an argument."""
    if argument is not None:
        raise BadInput(f"--data {NAME}:{argument}: {NAME} takes no argument.")
    return Source(NAME, IMAGES, load, ORIGIN, shape=SHAPE, classes=CLASSES)


def load() -> Dataset:
    """The digits, pixels 0 to 16."""
    import numpy as np
    from sklearn.datasets import load_digits

    found = load_digits()
    return Dataset(
        NAME,
        found.images.astype(np.uint8),
        found.target.astype(np.uint8),
        tuple(map(str, range(CLASSES))),
        PIXEL_MAX,
        Provenance(ORIGIN, LICENCE),
    )
