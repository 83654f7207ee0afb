"""Reads IDX files, the format of MNIST and of what is distributed like it, packed by gzip or not.

A header of big-endian numbers says type and shape; one file holds images, another their labels.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
from hexbench.data import emnist
from hexbench.data.formats import IDX
from hexbench.data.npy import START, Header, Opened, unpacked_file
from hexbench.data.parts import Part, Parts, called_after, files_called
from hexbench.data.sources import Source, absence
from hexbench.errors import BadInput
from hexbench.files import mistaken

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MAX_AXES = 4


def source(path: Path) -> Source:
    """The source of a folder, or of a file of images whose labels lie beside it; BadInput if not valid."""
    files = files_called(path, IDX)
    folder = path if path.is_dir() else path.parent
    parts = {
        part: Part(partial(_opened, images), partial(_opened, _labels_of(images)))
        for part, images in files.parts.items()
    }
    of_emnist = emnist.is_emnist(next(iter(files.parts.values())).name)
    names = emnist.characters(folder, files.stem) if of_emnist else {}

    notes = (emnist.UPRIGHT,) if of_emnist else ()
    found = Parts(
        str(path),
        parts,
        notes=notes,
        finish=partial(emnist.put_right, characters=names) if of_emnist else None,
    )
    return found.source(path, called_after(files.stem, path))


def _labels_of(images: Path) -> Path:
    """The file of labels that belongs to one of images; BadInput if there is none."""
    match = IDX.fullmatch(images.name)
    assert match is not None
    start = len(match["stem"] or "") + len(match["part"] or "")
    before, after = images.name[:start], images.name[start:].removesuffix(".gz")
    for old, new in (("image", "label"), ("idx3", "idx1"), ("idx4", "idx1")):
        after = after.replace(old, new).replace(old.upper(), new.upper())
    tried = [images.with_name(f"{before}{after}{end}") for end in ("", ".gz")]
    found = next((file for file in tried if file.is_file()), None)
    if found is None:
        raise BadInput(f"{tried[0]} {absence(tried[0])}, packed or not: it has the labels of {images.name}.")
    return found


@contextmanager
def _opened(path: Path) -> Iterator[Opened]:
    """An array in a file; BadInput if it is not valid, or holds more than its header declares."""
    with unpacked_file(path) as (stream, size, limit):
        header = _header(stream, path)
        yield Opened(stream, size - _start(header), limit, str(path), header)
        # At the end gzip compares its check sum.
        if stream.tell() > _start(header) and stream.read(1):
            raise BadInput(f"{path} holds more than its header declares.")


def _start(header: Header) -> int:
    return 4 + 4 * len(header.shape)


def _header(stream: IO[bytes], path: Path) -> Header:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES or not 0 < magic[3] <= MAX_AXES:
        words = mistaken(magic + stream.read(START)) or ("is no IDX file" if magic else "is empty")
        raise BadInput(f"{path} {words}.")
    shape = struct.unpack(f">{magic[3]}I", stream.read(4 * magic[3]))
    return Header(shape, False, np.dtype(TYPES[magic[2]]))
