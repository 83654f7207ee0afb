"""Real images in the formats that data sets are distributed in, written without hexbench's readers."""

import gzip
import struct

import numpy as np
import pandas as pd
import scipy.io
from PIL import Image
from sklearn.datasets import load_digits

TRAINED = 1_200


def digits():
    """scikit-learn's real digits, 0 to 255, and their labels."""
    found = load_digits()
    return (found.images * 255 / 16).astype(np.uint8), found.target.astype(np.uint8)


def halves(images, labels, trained=TRAINED):
    return {"train": (images[:trained], labels[:trained]), "test": (images[trained:], labels[trained:])}


def idx_bytes(array, kind=0x08):
    return bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_idx(folder, images, labels, *, names=("train", "t10k"), before="", packed=True, trained=TRAINED):
    folder.mkdir(parents=True, exist_ok=True)
    pack, end = (gzip.compress, ".gz") if packed else (bytes, "")
    for name, (x, y) in zip(names, halves(images, labels, trained).values(), strict=True):
        (folder / f"{before}{name}-images-idx3-ubyte{end}").write_bytes(pack(idx_bytes(x)))
        (folder / f"{before}{name}-labels-idx1-ubyte{end}").write_bytes(pack(idx_bytes(y)))
    return folder


def write_keras(folder, images, labels):
    (x, y), (x_test, y_test) = halves(images, labels).values()
    np.savez_compressed(folder / "mnist.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    return folder / "mnist.npz"


def write_folder(folder, images, labels, parts=("train", "test"), end="png", trained=TRAINED):
    """PNG or JPEG images, a folder a class; below a folder a part, or none for one part of no name."""
    found = halves(images, labels, trained) if len(parts) > 1 else {"": (images, labels)}
    for part, (x, y) in zip(parts, found.values(), strict=True):
        for place, (image, label) in enumerate(zip(x, y, strict=True)):
            path = folder / part / str(label) / f"{place}.{end}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    return folder


def frame(images, labels=None):
    found = pd.DataFrame(images.reshape(len(images), -1))
    found.columns = [f"pixel{i}" for i in found.columns]
    if labels is not None:
        found.insert(0, "label", labels)
    return found


def write_mat(path, images, labels, *, packed=True):
    """As EMNIST's: a structure of structures, each image by columns."""
    parts = {
        name: {"images": x.swapaxes(1, 2).reshape(len(x), -1), "labels": y[:, None].astype(float)}
        for name, (x, y) in halves(images, labels).items()
    }
    mapping = np.array([[label, 48 + label] for label in range(10)], np.uint8)
    scipy.io.savemat(path, {"dataset": parts | {"mapping": mapping}}, do_compression=packed)
    return path
