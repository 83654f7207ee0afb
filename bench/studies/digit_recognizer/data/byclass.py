"""Reads EMNIST's ByClass part from inside NIST's archive, as a stream: nothing is unpacked to disk.

Owns what is checked of the archive. It is a zip of gzipped IDX files: a header of big-endian
32-bit numbers, then one byte a label or a pixel.
"""

import gzip
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from hexbench.data.npy import open_member
from hexbench.errors import BadInput
from hexbench.files import reason, short
from hexbench.studies.digit_recognizer.data.ground import Bytes

SIDE = 28  # pixels
CLASSES = 62  # 0-9, A-Z, a-z
CHUNK = 4_096  # images read at a time
MOST = 10_000_000  # images a part may declare; EMNIST has 697,932 and 116,323
PARTS = ("train", "test")
IMAGES, LABELS = "images-idx3", "labels-idx1"
MAGIC = {IMAGES: (2051, SIDE, SIDE), LABELS: (2049,)}
"""What an IDX header holds besides the count, which is its second number."""

DAMAGED = (
    *(OSError, EOFError, ValueError, LookupError, ArithmeticError, RuntimeError, MemoryError),
    *(struct.error, zlib.error, zipfile.BadZipFile),
)
"""What damaged archives make zipfile's and gzip's readers raise."""


class ByClass:
    """The images of an archive, the training part and then the test part."""

    def __init__(self, path: Path):
        """Checks the archive's names and headers and reads all labels; BadInput if not valid."""
        self.path = path
        self._members = self._find_members()
        self._counts = [self._count(part) for part in PARTS]
        self.labels = np.concatenate([self._read_labels(i) for i in range(len(PARTS))])
        """uint8 (n,), 0 to 61: the digits, A-Z, a-z."""

    def images(self, chunk: int = CHUNK) -> Iterator[Bytes]:
        """All images in the order of the labels, upright, as uint8 (at most `chunk`, 28, 28).

        0 is background and 255 ink, as in the course's file. BadInput where the archive is damaged.
        """
        for part, count in zip(PARTS, self._counts, strict=True):
            with self._open(part, IMAGES) as stream:
                self._header(stream, part, IMAGES)
                for start in range(0, count, chunk):
                    n = min(chunk, count - start)
                    pixels = self._take(stream, n * SIDE * SIDE, part, IMAGES)
                    # NIST stores columns where others store rows.
                    yield np.frombuffer(pixels, np.uint8).reshape(n, SIDE, SIDE).swapaxes(1, 2)
                self._expect_end(stream, part, IMAGES)

    def _find_members(self) -> dict[tuple[str, str], str]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                names = archive.namelist()
        except FileNotFoundError:
            raise BadInput(f"{self.path} is not there.") from None
        except DAMAGED as error:
            raise self._fault(f"is no whole zip archive ({reason(error)})") from None
        for name in names:
            if _climbs(name):
                raise self._fault(f"holds a file whose path climbs out of it, {short(name)!r}")
        members = {}
        for part in PARTS:
            for kind in MAGIC:
                base = _base(part, kind)
                found = [name for name in names if name.rsplit("/", 1)[-1] == base]
                if len(found) != 1:
                    fault = f"holds {len(found)} files named {base}" if found else f"has no {base}"
                    raise self._fault(fault)
                members[part, kind] = found[0]
        return members

    def _count(self, part: str) -> int:
        counts = []
        for kind in MAGIC:
            with self._open(part, kind) as stream:
                counts.append(self._header(stream, part, kind))
        if counts[0] != counts[1]:
            raise self._fault(f"declares {counts[0]:,} images but {counts[1]:,} labels in its {part} part")
        return counts[0]

    def _read_labels(self, i: int) -> Bytes:
        part, pieces = PARTS[i], []
        with self._open(part, LABELS) as stream:
            self._header(stream, part, LABELS)
            for start in range(0, self._counts[i], 1 << 16):
                n = min(1 << 16, self._counts[i] - start)
                pieces.append(self._take(stream, n, part, LABELS))
            self._expect_end(stream, part, LABELS)
        labels = np.frombuffer(b"".join(pieces), np.uint8)
        if labels.max(initial=0) >= CLASSES:
            raise self._fault(f"holds a label {labels.max()} in {_base(part, LABELS)}, above 61")
        return labels

    @contextmanager
    def _open(self, part: str, kind: str) -> Iterator[gzip.GzipFile]:
        try:
            archive = zipfile.ZipFile(self.path)
        except DAMAGED as error:
            raise self._fault(f"is no whole zip archive ({reason(error)})") from None
        with archive:
            try:
                packed = open_member(archive, self._members[part, kind])
            except DAMAGED as error:
                raise self._damaged(part, kind, error) from None
            with packed, gzip.GzipFile(fileobj=packed) as stream:
                yield stream

    def _header(self, stream: gzip.GzipFile, part: str, kind: str) -> int:
        size = 4 * (1 + len(MAGIC[kind]))
        magic, count, *shape = struct.unpack(f">{size // 4}I", self._take(stream, size, part, kind))
        if (magic, *shape) != MAGIC[kind]:
            raise self._fault(f"has a wrong header in {_base(part, kind)}: {[magic, count, *shape]}")
        if count > MOST:
            raise self._fault(f"declares {count:,} images in {_base(part, kind)}: too many")
        return int(count)

    def _take(self, stream: gzip.GzipFile, size: int, part: str, kind: str) -> bytes:
        try:
            data = stream.read(size)
        except DAMAGED as error:
            raise self._damaged(part, kind, error) from None
        if len(data) < size:
            raise self._damaged(part, kind, EOFError("it ends too early"))
        return data

    def _expect_end(self, stream: gzip.GzipFile, part: str, kind: str) -> None:
        """Reading past the end is also what makes gzip and zipfile compare their check sums."""
        try:
            more = stream.read(1)
        except DAMAGED as error:
            raise self._damaged(part, kind, error) from None
        if more:
            raise self._fault(f"holds more in {_base(part, kind)} than its header declares")

    def _damaged(self, part: str, kind: str, error: Exception) -> BadInput:
        return self._fault(f"is damaged or cut short in {_base(part, kind)} ({reason(error)})")

    def _fault(self, what: str) -> BadInput:
        return BadInput(
            f"{self.path} {what}: it is not EMNIST's gzip.zip as NIST publishes it; get that with "
            "`run_benchmarks.py data fetch emnist`."
        )


def _base(part: str, kind: str) -> str:
    return f"emnist-byclass-{part}-{kind}-ubyte.gz"


def _climbs(name: str) -> bool:
    """Whether unpacking a file of this name could write outside the folder."""
    return bool(re.match(r"[/\\]|[A-Za-z]:", name)) or ".." in re.split(r"[/\\]", name)
