"""Builds hexadecimal digits in the course's format from NIST's EMNIST archive.

Owns which images are chosen, and how 28 x 28 becomes 20 x 20. The same archive and count give the
same bytes on every machine: Pillow resizes 8-bit images in whole numbers, the draws that choose and
order are exact, and noise is drawn in pieces of the finished set, however the archive is read.
"""

from importlib.metadata import version

import numpy as np
from hexbench.data.cache import put_in_place, workplace
from hexbench.data.card import CARD_FILE, Card
from hexbench.data.dataset import Dataset
from hexbench.data.download import Archive, Progress, Published
from hexbench.errors import BadInput
from hexbench.studies.digit_recognizer.data import course, ground
from hexbench.studies.digit_recognizer.data.byclass import CHUNK, ByClass
from hexbench.studies.digit_recognizer.data.ground import EMPTY, Bytes
from hexbench.studies.digit_recognizer.data.sources import (
    IMAGES_FILE,
    LABELS_FILE,
    MIN_IMAGES,
    emnist_folder,
)

EMNIST = Published(
    title="EMNIST's gzip.zip",
    url="https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
    checksum="md5:58c8d27c78d21e728a6bc7b3cc06412e",  # as in torchvision's EMNIST
    size=562_000_000,
    file="emnist-gzip.zip",
    command="`run_benchmarks.py data fetch emnist`",
)
SEED = 0
CHOICE, ORDER, NOISE = 0, 1, 2  # streams of random numbers
PIECE = 4_096  # images of the finished set whose noise has one stream
ORIGIN = (
    "EMNIST ByClass (Cohen et al. 2017, NIST Special Database 19), classes 0-9 and A-F in upper "
    "case, resized to 20 x 20 with noise and an empty class as in the course's file"
)
LICENCE = "US Government work, public domain"


def make_set(archive: Archive, count: int | None, progress: Progress) -> Card:
    """Build `count` images, or all for None, into the cache folder's `emnist`; returns their card.

    An earlier set is replaced when the new one is complete. BadInput if the archive is damaged or
    holds too little, or if the folder cannot be written.
    """
    final = emnist_folder()
    check_not_foreign()
    with workplace((count or 470_000) * (ground.SIDE**2 + 1)) as folder:
        images, labels = build(ByClass(archive.path), count, progress)
        data = course.dataset(f"emnist-{len(labels)}", images, labels)
        card = _card(data, archive, count)
        new = folder / final.name
        new.mkdir()
        course.write(new, images, labels)
        card.write(new)
        put_in_place(new, final)
    return card


def check_not_foreign() -> None:
    """BadInput if what lies where the set will be was not built here: it is never overwritten."""
    final = emnist_folder()
    if not final.exists():
        return
    ours = {IMAGES_FILE, LABELS_FILE, CARD_FILE}
    names = {entry.name for entry in final.iterdir()} if final.is_dir() else {final.name}
    foreign = sorted(names - ours)
    if foreign or names == ours - {CARD_FILE}:
        what = foreign[0] if foreign else f"images but no {CARD_FILE}"
        raise BadInput(
            f"{final} holds {what}, so hexbench did not build it and leaves it alone: move it away."
        )


def build(source: ByClass, count: int | None, progress: Progress, chunk: int = CHUNK) -> tuple[Bytes, Bytes]:
    """Images (n, 400) and labels (n,), uint8, in an order drawn at random; all there are for None.

    `chunk` images are read at a time; it changes memory and speed only.
    """
    counts = _all_counts(source) if count is None else _wanted(source, count)
    place, labels = _places(source.labels, counts)
    images = np.zeros((len(labels), ground.SIDE**2), np.uint8)
    progress.total = len(place)
    start = 0
    for read in source.images(chunk):
        places = place[start : start + len(read)]
        for i in np.flatnonzero(places >= 0):
            images[places[i]] = resize(read[i])
        start += len(read)
        progress.update(len(read))
    _put_ground(images, labels)
    return images, labels


def resize(image: Bytes) -> Bytes:
    """An image (28, 28) as (400,), by the resize that the course's pixels were measured to have."""
    from PIL import Image

    small = Image.fromarray(np.ascontiguousarray(image)).resize(
        (ground.SIDE, ground.SIDE), Image.Resampling.BILINEAR
    )
    return np.asarray(small).reshape(-1)


def _wanted(source: ByClass, count: int) -> list[int]:
    """How many images each class gets; BadInput if one has fewer."""
    there = np.bincount(source.labels, minlength=EMPTY)[:EMPTY].tolist()
    counts = ground.class_counts(count)
    short = [label for label in range(EMPTY) if there[label] < counts[label]]
    if short:
        worst = min(short, key=lambda label: there[label] / counts[label])
        most = _largest_count(there, count)
        advice = f"--count {most:,} is the most" if most else "no --count would do"
        raise BadInput(
            f"{source.path} holds {there[worst]:,} images of class {worst:X} but --count {count:,} "
            f"wants {counts[worst]:,}: {advice}, or take what there is with --all."
        )
    return counts


def _largest_count(there: list[int], below: int) -> int:
    """The largest count under `below` for which every class has enough images; 0 if none is."""
    parts = zip(there, ground.REPORT_COUNTS, strict=False)  # without the empty class
    # n + 2: no share above that is rounded down to n, nor when a class gives up an image.
    bound = min((n + 2) * sum(ground.REPORT_COUNTS) // part for n, part in parts)
    for count in range(min(bound, below - 1), MIN_IMAGES - 1, -1):
        counts = ground.class_counts(count)[:EMPTY]
        if all(n >= wanted for n, wanted in zip(there, counts, strict=True)):
            return count
    return 0


def _all_counts(source: ByClass) -> list[int]:
    """Every image of the 16 signs, and empty ones in the report's proportion."""
    counts = np.bincount(source.labels, minlength=EMPTY)[:EMPTY].tolist()
    *signs, empty = ground.REPORT_COUNTS
    counts.append(round(sum(counts) * empty / sum(signs)))
    if sum(counts) < MIN_IMAGES:
        raise BadInput(f"{source.path} holds only {sum(counts[:EMPTY])} images of 0-9 and A-F.")
    return counts


def _places(source_labels: Bytes, counts: list[int]) -> tuple[np.ndarray, Bytes]:
    """For each image of the archive its place in the set, or -1; and the set's labels in order."""
    rng = np.random.default_rng([SEED, CHOICE])
    chosen = [_draw(np.flatnonzero(source_labels == sign), counts[sign], rng) for sign in range(EMPTY)]
    rows = np.concatenate([*chosen, np.full(counts[EMPTY], -1)])
    rows = rows[_draw(np.arange(len(rows)), len(rows), np.random.default_rng([SEED, ORDER]))]
    place = np.full(len(source_labels), -1)
    place[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
    return place, np.where(rows >= 0, source_labels[rows], EMPTY).astype(np.uint8)


def _draw(rows: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` of the rows in random order, from uniform draws alone."""
    return rows[np.argsort(rng.random(len(rows)), kind="stable")[:count]]


def _put_ground(images: Bytes, labels: Bytes) -> None:
    """Put noise where the images are black, and light paper where they are empty, in place."""
    for piece in range(-(-len(images) // PIECE)):
        rng = np.random.default_rng([SEED, NOISE, piece])
        part = slice(piece * PIECE, (piece + 1) * PIECE)
        images[part] = ground.put_noise(images[part], rng)
        empty = labels[part] == EMPTY
        images[part][empty] = ground.empty_images(int(empty.sum()), rng)


def _card(data: Dataset, archive: Archive, count: int | None) -> Card:
    odd = not archive.has(EMNIST.checksum)
    return Card(
        name=data.name,
        origin=f"{ORIGIN}; built from an archive that is not the one NIST published" if odd else ORIGIN,
        licence="unknown, as the archive is not the one NIST published" if odd else LICENCE,
        images=len(data.images),
        class_counts=data.class_counts,
        fingerprint=data.fingerprint,
        made={
            "archive": archive.origin,
            "archive_md5": archive.md5,
            "archive_sha256": archive.sha256,
            "count": "all" if count is None else count,
            "seed": SEED,
            "pillow": version("pillow"),
            "numpy": version("numpy"),
        },
    )
