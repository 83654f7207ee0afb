"""What is read from an archive of NIST's structure, and each way in which one can be broken."""

import gzip
import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from data import nist
from hexbench.errors import BadInput
from hexbench.studies.digit_recognizer.data.byclass import ByClass

TRAIN_IMAGES, TRAIN_LABELS = (nist.name("train", kind) for kind in ("images-idx3", "labels-idx1"))
PARTS = nist.parts(3)
FILES = nist.members(PARTS)


@pytest.fixture
def save(tmp_path):
    def save(files, packed=()):
        return nist.write(tmp_path / "gzip.zip", files, packed)

    return save


def fault(path, *words):
    """The sentence that reading all of an archive ends with."""
    with pytest.raises(BadInput) as caught:
        for _ in ByClass(path).images(50):
            pass
    message = str(caught.value)
    assert "\n" not in message
    for word in (str(path), "data fetch emnist", *words):
        assert word in message


@pytest.mark.parametrize("folder", ["gzip/", "", "./a/b/"])
@pytest.mark.parametrize("chunk", [1, 7, 5_000])
def test_images_are_upright_and_in_the_order_of_the_labels(tmp_path, folder, chunk):
    files = {file.replace("gzip/", folder): content for file, content in FILES.items()}
    source = ByClass(nist.write(tmp_path / "gzip.zip", files))
    images = np.concatenate(list(source.images(chunk)))
    np.testing.assert_array_equal(images, np.concatenate([PARTS[p][0] for p in nist.PARTS]))
    np.testing.assert_array_equal(source.labels, np.concatenate([PARTS[p][1] for p in nist.PARTS]))
    assert images.dtype == np.uint8


@pytest.mark.parametrize(
    "name",
    ["../../evil", "gzip/../../evil", "/etc/evil", "C:/evil", "C:evil", "..\\evil", "\\evil"],
)
def test_paths_that_climb_out(save, name):
    fault(save({**FILES, name: b""}), "climbs out")


def test_names_that_only_look_like_climbing(save):
    assert len(ByClass(save({**FILES, "gzip/..notes..txt": b""})).labels) == 186


@pytest.mark.parametrize("missing", FILES)
def test_a_missing_member(save, missing):
    fault(save({k: v for k, v in FILES.items() if k != missing}), "has no emnist-byclass")


def test_a_member_that_is_there_twice(save):
    fault(save({**FILES, TRAIN_LABELS.replace("gzip", "other"): b""}), "holds 2 files named")


def test_a_zip_cut_short_anywhere(save):
    path = save(FILES)
    whole = path.read_bytes()
    for size in range(0, len(whole), len(whole) // 20):
        path.write_bytes(whole[:size])
        fault(path, "no whole zip")


def test_a_zip_with_a_hole(save):
    """The directory at the end is whole, but what it points to is not there or has changed."""
    path = save(FILES)
    whole = path.read_bytes()
    for start in range(100, len(whole) - 2_000, len(whole) // 20):
        path.write_bytes(whole[:start] + bytes(500) + whole[start + 500 :])
        fault(path, "damaged")


def test_members_that_are_encrypted_or_packed_strangely(save):
    path = save(FILES)
    whole = path.read_bytes()
    at = whole.index(b"PK\x01\x02", whole.index(b"PK\x01\x02") + 4)  # the second one's entry
    path.write_bytes(whole[: at + 8] + b"\x01\x00" + whole[at + 10 :])
    fault(path, "encrypted")
    path.write_bytes(whole[: at + 10] + b"\x63\x00" + whole[at + 12 :])
    fault(path, "damaged")


@pytest.mark.parametrize("name", [TRAIN_IMAGES, TRAIN_LABELS])
def test_a_gzip_cut_short_or_none(save, name):
    packed = gzip.compress(FILES[name])
    for broken in (packed[:-1], packed[: len(packed) // 2], packed[:5], b"", b"nonsense"):
        fault(save({**FILES, name: broken}, [name]), "damaged or cut short in emnist-byclass-train")
    changed = packed[:-8] + bytes(4) + packed[-4:]
    fault(save({**FILES, name: changed}, [name]), "CRC")


@pytest.mark.parametrize(
    ("name", "header", "words"),
    [
        (TRAIN_IMAGES, struct.pack(">4I", 2049, 148, 28, 28), "wrong header"),
        (TRAIN_IMAGES, struct.pack(">4I", 2051, 148, 28, 32), "wrong header"),
        (TRAIN_IMAGES, struct.pack("<4I", 2051, 148, 28, 28), "wrong header"),
        (TRAIN_LABELS, struct.pack(">2I", 2051, 148), "wrong header"),
        (TRAIN_LABELS, struct.pack(">2I", 2049, 149), "148 images but 149 labels"),
        (TRAIN_LABELS, struct.pack(">2I", 2049, 2**32 - 1), "too many"),
    ],
)
def test_wrong_headers(save, name, header, words):
    fault(save({**FILES, name: header + FILES[name][len(header) :]}), words)


def test_more_or_less_than_the_header_declares(save):
    for name in (TRAIN_IMAGES, TRAIN_LABELS):
        fault(save({**FILES, name: FILES[name] + b"\0"}), "holds more")
        fault(save({**FILES, name: FILES[name][:-1]}), "ends too early")


def test_labels_beyond_the_62_classes(save):
    fault(save({**FILES, TRAIN_LABELS: FILES[TRAIN_LABELS][:-1] + b"\x3e"}), "label 62")


def test_what_is_no_archive(tmp_path):
    (tmp_path / "gzip.zip").write_bytes(b"<html>not here</html>")
    fault(tmp_path / "gzip.zip", "no whole zip")
    with pytest.raises(BadInput, match="not there"):
        ByClass(tmp_path / "nothing.zip")


def test_a_count_that_is_declared_but_not_there_takes_no_memory(save):
    """Ten million images would be 7.8 GB; their labels are there, and the images end at once."""
    pixels = struct.pack(">4I", 2051, 10**7, 28, 28)
    labels = io.BytesIO()
    with gzip.GzipFile(fileobj=labels, mode="wb", compresslevel=1) as stream:
        stream.write(struct.pack(">2I", 2049, 10**7) + bytes(10**7))
    files = {**FILES, TRAIN_IMAGES: pixels, TRAIN_LABELS: labels.getvalue()}
    path = save(files, [TRAIN_LABELS])
    tracemalloc.start()
    try:
        fault(path, "too early")
        assert tracemalloc.get_traced_memory()[1] < 40e6
    finally:
        tracemalloc.stop()


def test_only_what_is_needed_is_opened(save, monkeypatch):
    """Other members may be anything: they are never unpacked."""
    path = save({**FILES, "gzip/emnist-byclass-mapping.txt": b"?"})
    opened = []
    whole = zipfile.ZipFile.open

    def spy(archive, name, *rest, **more):
        opened.append(name)
        return whole(archive, name, *rest, **more)

    monkeypatch.setattr(zipfile.ZipFile, "open", spy)
    list(ByClass(path).images())
    assert set(opened) == set(FILES)
