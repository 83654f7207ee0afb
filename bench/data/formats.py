"""The formats of files and folders that every study can read: the one place where another is added.

A format is recognised by names alone; its reader is imported when it is needed.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from hexbench.data.resize import Size
from hexbench.data.sources import Source
from hexbench.files import is_of_system

TRAIN, TEST, VALIDATION = "train", "test", "validation"
WORDS = {
    TRAIN: r"train(?:ing)?",
    TEST: r"test(?:ing)?|t10k",
    VALIDATION: r"val(?:id(?:ation)?)?|dev",
}
"""How parts are called in the names of files, folders and arrays."""
ANY_PART = "|".join(WORDS.values())
PART = rf"(?P<stem>.*?)(?:(?<![A-Za-z0-9])(?P<part>{ANY_PART}))?"
IDX = re.compile(rf"{PART}[-_.]?images?[-_.]idx[34][-_.]ubyte(?:\.gz)?", re.IGNORECASE)
IMAGES = (".png", ".jpg", ".jpeg")
TABLE = re.compile(rf"{PART}\.csv(?:\.gz)?", re.IGNORECASE)


@dataclass(frozen=True)
class Format:
    """A format, whose module has a function `source(path)`, or `source(path, size)` if it resizes itself."""

    title: str
    """In help and messages."""
    module: str
    applies: Callable[[Path], bool]
    """Whether a file or folder is of this format, by its name or the names in it."""
    resizes: bool = False

    def __call__(self, path: Path, size: Size | None) -> Source:
        """The source of a path of this format; BadInput if it is not valid."""
        read = import_module(self.module).source
        found: Source = read(path, size) if self.resizes else read(path)
        return found


def titles() -> str:
    """All formats in words."""
    first = [form.title for form in FORMATS]
    return f"{', '.join(first)} or {FUNCTION}"


def _file(ending: str) -> Callable[[Path], bool]:
    return lambda path: path.is_file() and path.name.lower().endswith(ending)


def _named(pattern: re.Pattern[str]) -> Callable[[Path], bool]:
    """Whether a file is called so, or a folder has a file of a training or test part."""

    def applies(path: Path) -> bool:
        if not path.is_dir():
            return pattern.fullmatch(path.name) is not None
        matches = (pattern.fullmatch(e.name) for e in path.iterdir() if not is_of_system(e.name))
        return any(match and match["part"] for match in matches)

    return applies


def _has_images(path: Path) -> bool:
    """Whether there are images in folders of classes, or of classes in parts."""
    found = (file for depth in ("*/*", "*/*/*") for file in path.glob(depth))
    return path.is_dir() and any(file.name.lower().endswith(IMAGES) for file in found)


FUNCTION = "FILE.py:FUNCTION"
FORMATS = (
    Format("an .npz of images and labels", "hexbench.data.arrays", _file(".npz")),
    Format("IDX files (train-images-idx3-ubyte, packed or not)", "hexbench.data.idx", _named(IDX)),
    Format(
        "a folder with a subfolder of PNG or JPEG images for each class",
        "hexbench.data.folders",
        _has_images,
        resizes=True,
    ),
    Format("a .csv of labels and pixels", "hexbench.data.tables", _named(TABLE)),
    Format("a .mat file", "hexbench.data.matlab", _file(".mat")),
)
