"""Image and label files in forms that are odd, wrong or made to do harm."""

import io
import struct
import tempfile
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
from conftest import blobs
from fuzz.edits import damaged
from hexbench.studies.digit_recognizer.data.sources import IMAGES_FILE, LABELS_FILE
from hypothesis import strategies as st

SHAPES = st.sampled_from(
    [
        *((20, 400), (20, 20, 20), (20, 8, 8), (20, 9, 7, 3), (20, 5, 5, 5), (20, 63), (20, 1, 64)),
        *((21, 400), (2, 400), (1, 400), (0, 400), (20, 399), (20,), (21,), (2,), (1,), (0,)),
        *((20, 17), (20, 2), (20, 1_001), (20, 20, 20, 1), (20, 1, 20, 20), (20, 3, 9, 9), (20, 1, 1)),
        *((20, 1), (400,), (), (1, 1, 1, 1), (20, 2, 2, 1), (2, 3, 2, 2, 2), (20, 0, 9)),
    ]
)
KINDS = st.sampled_from(
    [
        *("?", "u1", "i1", "<u2", ">u2", "<i4", ">i8", "<u8", "<f2", ">f4", "<f8", "g", "<c8"),
        *("S3", "<U2", "M8[s]", "m8[D]", "V5", "O", [("a", "u1"), ("b", "<f4")], ("u1", (3,))),
    ]
)
VALUES = st.lists(
    st.sampled_from([0, 1, 2, 7, 16, 17, 200, 255, 256, -1, 0.5, np.nan, np.inf, -np.inf, 1e30]),
    min_size=1,
    max_size=5,
)
DESCRIPTIONS = st.one_of(
    st.sampled_from(
        [
            *("'|u1'", "'<f8'", "'|O'", "'|V0'", "'S0'", "'<U999999999'", "'<U0'", "'(3,)u1'"),
            *("'u1,u1'", "()", "('|u1',)", "('|u1', 10**9)", "('|u1', (2**40, 2**40))", "[]"),
            *("[('a', '|u1')]", "[('a',)]", "[1]", "None", "{'names': ['a']}", "'nonsense'"),
            *("'\\x00'", "b'|u1'", "'<M8[99999999999999999999s]'", "'|b1'", "['|u1'] * 9", "1"),
            *("'<f16'", "'<f3'", "'>i0'", "(('|u1', 2), 2)", "[('a', '|u1', (9, 9))]"),
        ]
    ),
    st.text(max_size=10).map(repr),
)
DECLARED = st.one_of(
    st.sampled_from(
        [
            *("(20, 400)", "(20,)", "(20, 20, 20)", "(20, 8, 8, 3)", "()", "(-1, 400)"),
            *("(10**30, 400)", "(9" + "9" * 400 + ", 400)", "(0x" + "f" * 5_000 + ", 400)"),
            *("(2**62, 400)", "(20L, 400L)", "(True, 400)", "(20.0, 400)", "20", "None"),
            *("(0, 10**400)", "(20, 400" + ", 1" * 99 + ")", "[20, 400]", "('20', 400)"),
            *("(20, None)", "(4611686018427387904, 400)", "(1000000000000, 400)"),
            *("(2, 2**40)", "(2, 2**31, 2**31, 4)", "(20, 10**200)"),
        ]
    ),
    st.lists(st.integers(-2, 10**20), max_size=4).map(lambda shape: repr(tuple(shape))),
)
TEXTS = ("0", "9", "a", "F", "empty", "", " 1", "\n", "10")
CODING = {"<": "utf-32-le", ">": "utf-32-be"}
MISTAKEN = st.sampled_from(
    [
        *(
            b"version https://git-lfs.github.com/spec/v1\noid sha256:",
            b"<!DOCTYPE html>",
            b"\n<HTML",
            b"\x80\x04",
        ),
        *(b"\x1f\x8b\x08", b"PK\x03\x04", b"PK\x05\x06", b"\x89HDF\r\n\x1a\n", b"MATLAB 5.0 MAT-file"),
    ]
)
TRAP = Path(tempfile.gettempdir()) / "hexbench-fuzz-trapped"


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __reduce__(self):
        return (Path.touch, (TRAP,))


@st.composite
def wild_arrays(draw):
    """An array of any kind, shape and order, with values of which some are wrong."""
    shape, kind, values = draw(SHAPES), draw(KINDS), draw(VALUES)
    if kind == "O":
        array = np.empty(shape, object)
        array[...] = Trap()
    else:
        array = np.zeros(shape, kind)
        if array.dtype.kind in "?uifc":
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                array[...] = np.resize(values, array.shape).astype(array.dtype)
    return np.asfortranarray(array) if draw(st.booleans()) else array


@st.composite
def wild_texts(draw):
    """An .npy file of twenty labels that are texts of any bytes."""
    kind = draw(st.sampled_from(["S1", "S5", "<U1", ">U3", "S1024", "S1025", "<U256", "<U257"]))
    size = np.dtype(kind).itemsize
    texts = draw(st.lists(st.binary(max_size=size), min_size=1, max_size=3))
    texts += draw(st.lists(st.sampled_from([text.encode(CODING.get(kind[0], "ascii")) for text in TEXTS])))
    cells = [text[:size].ljust(size, b"\0") for text in texts]
    shape = draw(st.sampled_from([(20,), (20, 1)]))
    return header(shape, kind) + b"".join(cells[i % len(cells)] for i in range(20))


def saved(array):
    """What np.save writes."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


@st.composite
def headers(draw):
    """A file whose header says anything, with a body that may not be what it says."""
    text = draw(
        st.one_of(
            st.builds(
                "{{'descr': {}, 'fortran_order': {}, 'shape': {}{}}}".format,
                DESCRIPTIONS,
                st.sampled_from(["False", "True", "0", "None"]),
                DECLARED,
                st.sampled_from(["", "", ", ", ", 'more': 1", ", 'descr': '|u1'"]),
            ),
            st.text(max_size=50),
            st.sampled_from(
                [
                    *("(" * 9_000, "-" * 9_000 + "1", "[" * 150 + "]" * 150, "'\\d'"),
                    *("1if 1else 2", "{}", "\\", "{'descr': '|u1', 'shape': (1,)}"),
                ]
            ),
        )
    ).encode("latin-1", "replace")
    version = draw(st.sampled_from([(1, 0), (1, 0), (2, 0), (3, 0), (0, 0), (9, 9)]))
    length = draw(st.sampled_from([len(text), len(text), len(text), 0, 1, 10**4, 2**16 - 1, 2**32 - 1]))
    size = struct.pack("<H", length % 2**16) if version == (1, 0) else struct.pack("<I", length)
    body = draw(st.sampled_from([0, 1, 20, 8_000, 8_001, 64_000])) * draw(
        st.sampled_from([b"\x00", b"\x07", b"\xff"])
    )
    return b"\x93NUMPY" + bytes(version) + size + text + body


def wild_files(plain):
    """The bytes of an .npy file: of wild arrays or headers, `plain` damaged, or something else."""
    others = st.one_of(st.binary(max_size=200), st.builds(bytes.__add__, MISTAKEN, st.binary(max_size=60)))
    return st.one_of(wild_arrays().map(saved), wild_texts(), headers(), damaged(saved(plain)), others)


IMAGES, LABELS = blobs(20)
NAMES = np.array([f"class {label}" for label in range(17)])
MEMBERS = st.sampled_from(
    ["X.npy", "y.npy", "class_names.npy", "X.npy/", "x.npy", "../X.npy", "\n", "é" * 99]
)


@st.composite
def archives(draw):
    """The bytes of an .npz: with wild members, packed in any way, or damaged."""
    images = draw(st.one_of(st.just(saved(IMAGES)), wild_files(IMAGES)))
    labels = draw(st.one_of(st.just(saved(LABELS)), wild_files(LABELS)))
    members = [("X.npy", images), ("y.npy", labels)]
    if draw(st.integers(0, 2)) == 2:
        names = draw(st.one_of(st.just(saved(NAMES)), wild_files(NAMES)))
        members.append(("class_names.npy", names))
    if draw(st.integers(0, 4)) == 4:
        members.append((draw(MEMBERS), draw(st.sampled_from([images, labels, b""]))))
    if draw(st.integers(0, 9)) == 9:
        del members[draw(st.integers(0, len(members) - 1))]
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w") as archive:
        warnings.simplefilter("ignore")  # of names that are there twice
        for name, content in members:
            packed = draw(st.sampled_from([0, 0, 8, 8, 8, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))
            archive.writestr(name, content, packed)
    content = file.getvalue()
    if draw(st.integers(0, 9)) == 9:
        return draw(MISTAKEN) + content
    return draw(damaged(content)) if draw(st.booleans()) else content


@st.composite
def odd_forms(draw):
    """Plain images and labels, and the same in a form that is odd but right, and where it goes."""
    count = draw(st.integers(2, 60))
    images, labels = blobs(count, seed=draw(st.integers(0, 99)))
    place = draw(st.sampled_from(["folder", "npz", "packed"]))
    odd = draw(odd_pixels(images)).reshape(draw(st.sampled_from(IMAGE_SHAPES)))
    odd_labels = draw(odd_numbers(labels, place == "folder"))
    if draw(st.booleans()):
        odd, odd_labels = np.asfortranarray(odd), np.asfortranarray(odd_labels)
    if draw(st.booleans()):
        odd_labels = np.repeat(odd_labels, 2, axis=0)[::2]  # not contiguous before it is saved
    return (images, labels), (odd, odd_labels), place


IMAGE_SHAPES = [(-1, 400), (-1, 20, 20), (-1, 20, 20, 1), (-1, 1, 20, 20)]
WIDE = ["u1", "<u2", ">u2", "<i2", ">i4", "<i8", ">u8", "<f2", ">f4", "<f8", "g"]
WHOLE = ["u1", "i1", ">i2", "<u4", ">i8", "<u8", "<f2", ">f4", "<f8", "g"]


def odd_pixels(images):
    """The images as numbers of any type, or as 255ths."""
    whole = st.sampled_from(WIDE).map(images.astype)
    kinds = st.sampled_from(["<f2", "<f4", ">f8", "g"])
    return st.one_of(
        whole, kinds.map(lambda kind: (images.astype(kind) / np.dtype(kind).type(255)).astype(kind))
    )


def odd_numbers(labels, hexadecimal):
    """The labels as numbers of any type, as texts, one-hot or in a column."""
    names = np.array([*"0123456789abcdeF", "empty"] if hexadecimal else [str(label) for label in range(17)])
    return st.one_of(
        st.sampled_from(WHOLE).map(labels.astype),
        st.sampled_from(["?", "u1", ">i4", "<f2", "g"]).map(lambda kind: np.eye(17, dtype=kind)[labels]),
        st.sampled_from(["<U5", ">U7", "S5"]).map(lambda kind: names.astype(kind)[labels]),
        st.just(labels[:, None]),
    )


def bomb(path, member, beginning, zeros):
    """An .npz whose `member` unfolds to `beginning` and so many zeros, packed a thousandfold."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = packer.compress(beginning) + packer.flush(zlib.Z_FULL_FLUSH)
    # What follows a full flush depends on nothing before it, so that it may be repeated.
    piece = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    data += piece * (zeros // 2**20) + packer.flush()
    info = zipfile.ZipInfo(member)
    info.compress_type, info.compress_size = zipfile.ZIP_DEFLATED, len(data)
    info.file_size = len(beginning) + zeros // 2**20 * 2**20
    info.CRC = 0  # nobody gets that far
    with zipfile.ZipFile(path, "w") as archive:
        for other, content in (("X.npy", IMAGES), ("y.npy", LABELS)):
            if other != member:
                archive.writestr(other, saved(content))
        info.header_offset = archive.fp.tell()
        archive.fp.write(info.FileHeader(zip64=False) + data)
        archive.filelist.append(info)
        archive.start_dir = archive.fp.tell()
        archive._didModify = True
    return path


def header(shape, kind="|u1", fortran_order=False):
    """The beginning of an .npy file."""
    file = io.BytesIO()
    declared = {"descr": kind, "fortran_order": fortran_order, "shape": shape}
    np.lib.format.write_array_header_1_0(file, declared)
    return file.getvalue()


def write_folder(folder, images, labels):
    """The course's two files with these bytes."""
    folder.mkdir(exist_ok=True)
    (folder / IMAGES_FILE).write_bytes(images)
    (folder / LABELS_FILE).write_bytes(labels)
    return folder
