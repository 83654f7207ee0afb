"""Makes archives with the structure of EMNIST's gzip.zip, small, and breaks them on demand."""

import gzip
import struct
import zipfile

import numpy as np

SIDE = 28
PARTS = ("train", "test")


def name(part, kind, folder="gzip/"):
    return f"{folder}emnist-byclass-{part}-{kind}-ubyte.gz"


def draw(labels, seed=0):
    """Upright images (n, 28, 28): a bar on the left and one on top, so that no turn goes unseen."""
    rng = np.random.default_rng(seed)
    images = np.zeros((len(labels), SIDE, SIDE), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[4:25, 5:8] = rng.integers(150, 256, (21, 3))
        image[4:7, 8 : 10 + label // 5] = 255
        image[9 + label // 4 : 12 + label // 4, 8:12] = rng.integers(1, 256)
    return images


def labels_of(per_class, seed=0):
    """So many labels of each of the 62 classes, mixed."""
    counts = np.broadcast_to(per_class, 62)
    return np.random.default_rng(seed).permutation(np.repeat(np.arange(62, dtype=np.uint8), counts))


def parts(per_class=30, test_share=5):
    """For train and test, upright images and labels; one of `test_share` images is for testing."""
    labels = labels_of(per_class)
    images = draw(labels)
    test = np.arange(len(labels)) % test_share == 0
    return {"train": (images[~test], labels[~test]), "test": (images[test], labels[test])}


def members(data):
    """The archive's files by name, unzipped: bytes of IDX with images stored transposed."""
    files = {}
    for part, (images, labels) in data.items():
        shape = struct.pack(">4I", 2051, len(images), SIDE, SIDE)
        files[name(part, "images-idx3")] = shape + images.swapaxes(1, 2).tobytes()
        files[name(part, "labels-idx1")] = struct.pack(">2I", 2049, len(labels)) + labels.tobytes()
    return files


def write(path, files, packed=()):
    """Zip the files, each gzipped by itself; those in `packed` are written as they are."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("gzip/emnist-mnist-mapping.txt", "0 48\n")
        for file, content in files.items():
            archive.writestr(file, content if file in packed else gzip.compress(content, 1, mtime=0))
    return path


def archive(path, per_class=30):
    """An archive with `per_class` images, a number or one for each class."""
    return write(path, members(parts(per_class)))
