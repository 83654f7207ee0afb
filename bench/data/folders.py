"""Reads folders of PNG and JPEG images, a subfolder a class, also below train/ and test/."""

import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from hexbench.data import npy
from hexbench.data.dataset import Dataset
from hexbench.data.formats import IMAGES
from hexbench.data.images import MIN_SIDE, room_for
from hexbench.data.labels import MAX_CLASSES
from hexbench.data.parts import divide, listed, part_called
from hexbench.data.resize import Size, scaled
from hexbench.data.sources import Source, absence, file_source
from hexbench.errors import BadInput
from hexbench.files import is_of_system, mistaken, one_line, reason, short

if TYPE_CHECKING:
    from PIL.Image import Image

OTHER_IMAGES = re.compile(
    r".*\.(bmp|gif|webp|tiff?|heic|heif|avif|jp2|pgm|ppm|pbm|pnm|tga|psd|svg)", re.IGNORECASE
)
KINDS = ("PNG", "JPEG")
MAX_PIXELS = 2**26
"""Of an image, as it is stored."""
TRANSPOSED = {5, 6, 7, 8}
"""Of EXIF's orientations, those that exchange height and width."""
ORIENTATION = 0x0112
GREY, COLOUR = "L", "RGB"
MOST_SIZES = 5
EXAMPLE = 20
"""Pixels a side, in a message."""


class File(NamedTuple):
    """An image and its class."""

    path: Path
    name: str


@dataclass(frozen=True)
class Found:
    """The images of a part, those of all classes in turn."""

    files: Sequence[File]
    left_aside: Sequence[str]
    """Other files."""
    empty: Sequence[str]
    """Folders without an image."""


def source(path: Path, size: Size | None = None) -> Source:
    """The source of a folder, whose files are counted and not read; BadInput if it is not valid.

    `size` is what every image is brought to; without it all must be of one size, which is not known yet.
    """
    parts = {part: _images_in(folder) for part, folder in _parts(path).items()}
    divided = divide(parts)
    files = [file for part in divided.order for file in parts[part].files]
    names = sorted({file.name for file in files}, key=natural)
    called = [one_line(name.strip()) for name in names]
    if len(names) < 2 or len(names) > MAX_CLASSES:
        raise BadInput(
            f"{path} has {len(names):,} subfolders with images: there must be one for each class, 2 to "
            f"{MAX_CLASSES:,}."
        )
    if not all(called) or len({*called}) < len(called):
        raise BadInput(f"{path} has folders whose names differ only in blanks around them.")
    tested = len(parts[divided.test].files) if divided.test is not None else None
    notes = [*divided.notes, *_notes(parts)]

    def read() -> Dataset:
        sizes = _sizes(path, files)
        shape = size or Size(*_one_size(path, sizes))
        images, more = _pixels(path, files, shape, resize=size is not None)
        if size is not None and {*sizes} != {tuple(size)}:
            more.append(f"images of {_listed(sizes)} were resized to {size}")
        places = {name: place for place, name in enumerate(names)}
        labels = np.array([places[file.name] for file in files], np.uint8 if len(names) <= 256 else np.uint16)
        part = None if tested is None else np.arange(len(files) - tested, len(files))
        return Dataset("", images, labels, tuple(called), test_part=part, notes=(*notes, *more))

    return file_source(path, len(files), None, len(names), read, tested, size=size)


def natural(name: str) -> tuple[list[str | int], str]:
    """A key by which `10` comes after `9`, and otherwise characters by their codes."""
    parts = enumerate(re.split(r"([0-9]+)", name))
    return [int(part) if place % 2 else part for place, part in parts], name


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(
            (e for e in folder.iterdir() if not is_of_system(e.name)), key=lambda e: natural(e.name)
        )
    except OSError as error:
        raise BadInput(f"{folder} cannot be read: {reason(error)}.") from None


def _parts(path: Path) -> Mapping[str, Path]:
    """Folders of classes by part: the subfolders if all are called like parts, else the whole."""
    folders = [entry for entry in _visible(path) if entry.is_dir()]
    called = {part_called(folder.name): folder for folder in folders}
    if not folders or "" in called:
        return {"": path}
    if len(called) < len(folders):
        raise BadInput(f"{path} has two folders for one part: {listed([folder.name for folder in folders])}.")
    return called


def _images_in(folder: Path) -> Found:
    classes: dict[str, list[Path]] = {}
    aside = []
    for entry in _visible(folder):
        if not entry.is_dir():
            aside.append(entry)
            continue
        there = _visible(entry)
        inner = next((one for one in there if one.is_dir()), None)
        if inner is not None:
            raise BadInput(
                f"{inner} is a folder inside that of a class: images must lie directly in {entry}."
            )
        classes[entry.name] = [one for one in there if one.name.lower().endswith(IMAGES)]
        aside += [one for one in there if not one.name.lower().endswith(IMAGES)]
    other = [entry for entry in aside if OTHER_IMAGES.fullmatch(entry.name)]
    if other:
        raise BadInput(
            f"{other[0]} is neither PNG nor JPEG, and {len(other):,} such files are there: convert them."
        )
    in_turn = [
        ((rank + 0.5) / len(files), place, File(file, name))
        for place, (name, files) in enumerate(classes.items())
        for rank, file in enumerate(files)
    ]
    if not in_turn:
        raise BadInput(
            f"{folder} has no PNG or JPEG images in its subfolders, of which there is one for each class."
        )
    files = [file for _, _, file in sorted(in_turn, key=lambda item: item[:2])]
    return Found(
        files, [entry.name for entry in aside], [name for name, there in classes.items() if not there]
    )


def _notes(parts: Mapping[str, Found]) -> Iterator[str]:
    aside = [name for found in parts.values() for name in found.left_aside]
    if aside:
        yield f"files that are no PNG or JPEG are ignored: {listed(aside)}"
    empty = [name for found in parts.values() for name in found.empty]
    if empty:
        yield f"folders without an image are ignored: {listed(empty)}"


def _sizes(path: Path, files: Sequence[File]) -> Counter[tuple[int, int]]:
    """How many images there are of each (height, width); BadInput naming those that are none."""
    found: Counter[tuple[int, int]] = Counter()
    broken: list[str] = []
    for file in files:
        try:
            with _opened(file.path) as image:
                width, height = image.size
                turned = _orientation(image) in TRANSPOSED
            found[(width, height) if turned else (height, width)] += 1
        except _Broken as fault:
            broken.append(f"{file.path} {fault}")
    _refuse(path, broken, len(files))
    return found


def _refuse(path: Path, broken: Sequence[str], count: int) -> None:
    if broken:
        more = f", and {len(broken) - 1:,} more cannot be read" if len(broken) > 1 else ""
        raise BadInput(
            f"{broken[0]}{more}, of {count:,} files in {path}: repair them, or take them out of it."
        )


def _one_size(path: Path, sizes: Counter[tuple[int, int]]) -> tuple[int, int]:
    if len(sizes) > 1:
        raise BadInput(
            f"{path} holds images of {len(sizes):,} sizes, {_listed(sizes)}: give one, such as "
            f"--resize {EXAMPLE}."
        )
    ((found, _),) = sizes.items()
    if min(found) < MIN_SIDE:
        raise BadInput(
            f"{path} holds images of {found[0]} x {found[1]} pixels: {MIN_SIDE} a side are needed."
        )
    return found


def _listed(sizes: Counter[tuple[int, int]]) -> str:
    """The most frequent sizes with their counts."""
    most = [f"{height} x {width} ({count:,})" for (height, width), count in sizes.most_common(MOST_SIZES)]
    more = f" and {len(sizes) - MOST_SIZES:,} others" if len(sizes) > MOST_SIZES else ""
    return f"{', '.join(most)}{more}"


class _Broken(Exception):
    """A file that is no image, in words that follow its name."""


def _opened(path: Path) -> "Image":
    """An image whose pixels are not read yet."""
    from PIL import Image

    if not path.is_file():
        raise _Broken(absence(path))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(path, formats=KINDS)
            if image.width * image.height > MAX_PIXELS:
                image.close()
                raise _Broken(f"has {image.width} x {image.height} pixels, more than {MAX_PIXELS:,}")
            return image
    except _Broken:
        raise
    except Exception as error:
        with path.open("rb") as stream:
            beginning = stream.read(npy.START)
        words = mistaken(beginning) if beginning else "is empty"
        if isinstance(error, Image.DecompressionBombError):
            words = f"has more than {MAX_PIXELS:,} pixels"
        raise _Broken(words or "is neither a PNG nor a JPEG image") from None


def _orientation(image: "Image") -> int:
    """As EXIF counts them, 1 where nothing says so; the pixels are not read."""
    try:
        return int(image.getexif().get(ORIENTATION, 1)) if "exif" in image.info else 1
    except Exception:
        return 1


def _pixels(path: Path, files: Sequence[File], size: Size, *, resize: bool) -> tuple[np.ndarray, list[str]]:
    """All images, grey (n, h, w) or RGB (n, h, w, 3), and what is to be said of their colours."""
    images = room_for(len(files), size, str(path))
    stored_in_colour, broken = 0, []
    for place, file in enumerate(files):
        try:
            image = _decoded(file.path)
        except _Broken as fault:
            broken.append(f"{file.path} {fault}")
            continue
        pixels = np.asarray(scaled(image, size) if resize else image)
        if pixels.ndim == 3:
            stored_in_colour += 1
            if images.ndim == 3 and (pixels == pixels[:, :, :1]).all():
                pixels = pixels[:, :, 0]
        if pixels.ndim > images.ndim - 1:
            grey, images = images, room_for(len(files), (*size, 3), str(path))
            images[:place] = grey[:place, :, :, None]
            del grey
        images[place] = pixels if pixels.ndim == images.ndim - 1 else pixels[:, :, None]
    _refuse(path, broken, len(files))
    if not images.any():
        raise BadInput(f"{path} holds no pixel above 0: all its images are empty.")
    notes = []
    if stored_in_colour and images.ndim == 3:
        notes.append("colour images whose channels are equal everywhere are read as grey")
    elif images.ndim == 4 and stored_in_colour < len(files):
        notes.append(
            f"{len(files) - stored_in_colour:,} grey images among colour ones have three equal channels"
        )
    return images, notes


def _decoded(path: Path) -> "Image":
    """The image as a viewer shows it: upright, on white where it is transparent, 8 bits, grey or RGB."""
    from PIL import Image, ImageOps

    with _opened(path) as image:
        try:
            turned = _orientation(image) != 1
            image.load()
            upright = ImageOps.exif_transpose(image) if turned else image
        except Exception as error:
            raise _Broken(f"is damaged ({short(reason(error))})") from None
        if upright.mode.startswith("I"):  # 16 bits
            wide = np.asarray(upright).astype(np.int64).clip(0, 65_535)
            return Image.fromarray(((wide + 128) // 257).astype(np.uint8))
        grey = upright.mode in ("1", "L", "LA", "La")
        if upright.has_transparency_data:
            whole = upright.convert("RGBA")
            white = Image.new("RGBA", whole.size, "white")
            upright = Image.alpha_composite(white, whole)
        return upright.convert(GREY if grey else COLOUR)
