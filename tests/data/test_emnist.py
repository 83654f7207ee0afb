"""Building from archives of NIST's structure: recipe, choice, bytes; whole or not at all."""

import errno
import os
import shutil
import subprocess
import sys
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT, blobs, mount
from data import nist
from hexbench.data import cache
from hexbench.data.card import Card
from hexbench.errors import BadInput
from hexbench.studies.digit_recognizer.data import byclass, course, emnist, ground
from hexbench.studies.digit_recognizer.data.sources import LABELS_FILE
from PIL import Image


class Silent:
    total = 0.0
    done = 0.0

    def update(self, amount):
        self.done += amount


@pytest.fixture(scope="module")
def zipped(tmp_path_factory):
    return nist.archive(tmp_path_factory.mktemp("nist") / "gzip.zip")


@pytest.fixture(autouse=True)
def cached(tmp_path, monkeypatch):
    monkeypatch.setenv("HEXBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def build(path, count, chunk=byclass.CHUNK):
    return emnist.build(byclass.ByClass(path), count, Silent(), chunk)


def make(path, count):
    return emnist.make_set(emnist.EMNIST.on_disk(path, None), count, Silent())


def fault(action, *words):
    with pytest.raises(BadInput) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    for word in words:
        assert word in message
    return message


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def signs():
    """Upright originals and labels of the hexadecimal digits in the archive's order."""
    images, labels = (np.concatenate(both) for both in zip(*nist.parts().values(), strict=True))
    return images[labels < 16], labels[labels < 16]


def by_pillow(image):
    return np.asarray(Image.fromarray(image).resize((20, 20), Image.Resampling.BILINEAR)).ravel()


def test_pixels_are_the_upright_originals_resized_with_noise_where_they_are_black(zipped):
    images, labels = build(zipped, None)
    originals, of = signs()
    expected = np.array([by_pillow(image) for image in originals])
    assert 0.4 < (expected == 0).mean() < 0.9
    left = {label: expected[of == label].astype(int) for label in range(16)}
    for image, label in zip(images, labels, strict=True):
        if label == 16:
            continue
        # The one original whose ink is here to the last grey level; each is used once.
        fits = [np.array_equal(image[ink > 0], ink[ink > 0]) for ink in left[label]]
        assert any(fits)
        black = left[label][fits.index(True)] == 0
        assert image[black].max() <= 89
        left[label] = np.delete(left[label], fits.index(True), axis=0)
    assert sum(map(len, left.values())) == 0


def test_noise_is_flat_from_0_to_88(zipped):
    images, labels = build(zipped, None)
    corner = images.reshape(-1, 20, 20)[labels != 16][:, 18:, :].ravel()  # below all ink
    counts = np.bincount(corner, minlength=256)
    assert counts[90:].sum() == 0
    assert np.abs(counts[:89] / counts[:89].mean() - 1).max() < 0.35
    assert counts[89] < 0.6 * counts[:89].mean()
    empty = images[labels == 16].astype(float)
    assert empty.mean() == pytest.approx(236, abs=0.3)
    assert empty.std() == pytest.approx(4.48, abs=0.1)


@pytest.mark.parametrize("count", [34, 100, 400])
def test_class_counts_are_the_reports(zipped, count):
    images, labels = build(zipped, count)
    assert images.shape == (count, 400)
    assert np.bincount(labels).tolist() == ground.class_counts(count)
    assert len(set(labels[:34])) > 10, "the order is mixed"
    assert len(np.unique(images, axis=0)) == count


def test_all_takes_every_sign_and_empty_images_in_proportion(zipped):
    _, labels = build(zipped, None)
    counts = np.bincount(labels).tolist()
    assert counts[:16] == [30] * 16
    assert counts[16] == round(480 * 1705 / 30640)


def test_both_parts_are_drawn_from(zipped):
    """The choice is a random one: some are of the training part, some of the test part."""
    source = byclass.ByClass(zipped)
    place, _ = emnist._places(source.labels, ground.class_counts(100))
    train = len(nist.parts()["train"][1])
    assert 5 < (place[train:] >= 0).sum() < 50 < (place[:train] >= 0).sum()


FINGERPRINT = "b43b3e2232502e6ad0bab55f633894801243636d663d23eeb49b25d126bd9f92"


def test_the_bytes_depend_on_archive_and_count_alone(zipped):
    images, labels = build(zipped, 300)
    for chunk in (1, 97, 10_000):
        again = build(zipped, 300, chunk)
        assert np.array_equal(again[0], images) and np.array_equal(again[1], labels)
    # As computed when this was written: a change of the recipe is a change of the set.
    assert make(zipped, 300).fingerprint == FINGERPRINT


def test_memory_is_for_the_set_not_for_the_archive(tmp_path):
    data = nist.parts()
    many = 100_000  # images of a class that is not wanted: 78 MB
    data["train"] = (
        np.concatenate([data["train"][0], np.zeros((many, 28, 28), np.uint8)]),
        np.concatenate([data["train"][1], np.full(many, 61, np.uint8)]),
    )
    path = nist.write(tmp_path / "gzip.zip", nist.members(data))
    tracemalloc.start()
    try:
        build(path, 300)
        assert tracemalloc.get_traced_memory()[1] < 30e6
    finally:
        tracemalloc.stop()


def largest(there, below):
    counts = [c for c in range(34, below) if np.all(ground.class_counts(c)[:16] <= np.array(there)[:16])]
    return max(counts, default=0)


def test_the_largest_count_is_the_largest():
    rng = np.random.default_rng(0)
    for _ in range(50):
        there = rng.integers(1, 40, 16).tolist()
        for below in (35, 60, 400, largest(there, 400) + 1):
            assert emnist._largest_count(there, below) == largest(there, below)


@pytest.mark.parametrize("label", [1, 14])
def test_too_few_images_of_a_class(tmp_path, label):
    there = [30] * 62
    there[label] = 5
    path = nist.archive(tmp_path / "gzip.zip", there)
    message = fault(lambda: build(path, 1_000), f"5 images of class {label:X}", "gzip.zip", "--all")
    most = int(message.partition("--count 1,000")[2].partition("--count ")[2].split()[0])
    assert most == largest(there, 1_000)
    assert len(build(path, most)[1]) == most


def test_a_class_that_is_not_there_at_all(tmp_path):
    there = [30] * 62
    there[3] = 0
    path = nist.archive(tmp_path / "gzip.zip", there)
    fault(lambda: build(path, 34), "0 images of class 3", "no --count")
    assert np.bincount(build(path, None)[1])[3] == 0
    fault(lambda: build(nist.archive(tmp_path / "tiny.zip", 1), None), "only 16 images")


def test_a_set_and_its_card(zipped, cached):
    card = make(zipped, 300)
    images, labels = course.read(cached / "emnist")
    expected = build(zipped, 300)
    assert np.array_equal(images.reshape(-1, 400), expected[0])
    assert np.array_equal(labels, expected[1])
    assert Card.read(cached / "emnist") == card
    assert (card.name, card.images) == ("emnist-300", 300)
    assert card.class_counts == np.bincount(labels).tolist()
    assert card.made["archive"] == "gzip.zip", "a name, no path"
    assert len(card.made["archive_sha256"]) == 64
    assert "not the one NIST published" in card.origin + card.licence
    assert names(cached) == ["emnist"]


def test_the_archive_of_nist_is_called_so(zipped, monkeypatch):
    published = f"md5:{emnist.EMNIST.on_disk(zipped, None).md5}"
    monkeypatch.setattr(emnist, "EMNIST", replace(emnist.EMNIST, checksum=published))
    card = make(zipped, 100)
    assert card.origin == emnist.ORIGIN
    assert card.licence == "US Government work, public domain"


def test_a_newer_set_takes_the_place_of_an_older_one(zipped, cached):
    make(zipped, 100)
    assert make(zipped, 200).images == len(course.read(cached / "emnist")[0]) == 200
    assert names(cached) == ["emnist"]


@pytest.mark.parametrize("broken", ["write", "card", "rename", "place"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
@pytest.mark.parametrize("earlier", [True, False])
def test_what_is_stopped_leaves_the_earlier_set_or_none(zipped, cached, monkeypatch, broken, error, earlier):
    if earlier:
        make(zipped, 100)

    def stop(*_):
        raise error

    places = {
        "write": (os, "fsync", stop),
        "card": (Card, "write", stop),
        "place": (cache.Path, "replace", stop),
        "rename": (cache.Path, "rename", stop),
    }
    with monkeypatch.context() as patch:
        patch.setattr(*places[broken])
        if broken == "rename" and not earlier:
            return  # nothing has to make way
        with pytest.raises((BadInput, KeyboardInterrupt)):
            make(zipped, 200)
    assert names(cached) == (["emnist"] if earlier else [])
    if earlier:
        assert len(course.read(cached / "emnist")[0]) == 100


def test_leftovers_go_at_the_next_build_and_are_never_taken_for_a_set(zipped, cached, save_course):
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    dead = cached / f".unfinished-{int(gone.stdout)}-x" / "emnist"
    dead.parent.mkdir(parents=True)
    shutil.copytree(save_course(*blobs(34)), dead)
    running = cached / f".unfinished-{os.getppid()}-x"
    running.mkdir()
    make(zipped, 100)
    assert names(cached) == [running.name, "emnist"]


@pytest.mark.parametrize("name", ["notes.txt", "raw"])
def test_what_hexbench_did_not_build_is_left_alone(zipped, cached, name):
    (cached / "emnist" / name).mkdir(parents=True)
    fault(lambda: make(zipped, 100), name, "leaves it alone")
    assert (cached / "emnist" / name).exists()


def test_a_users_own_images_are_left_alone(zipped, cached, save_course):
    cached.mkdir()
    shutil.copytree(save_course(*blobs(34)), cached / "emnist")
    fault(lambda: make(zipped, 100), "no card.json")
    (cached / "emnist" / LABELS_FILE).unlink()
    assert make(zipped, 100).images == 100, "half a set is nobody's"


def test_a_cache_folder_that_cannot_be_written_to(zipped, tmp_path, monkeypatch):
    monkeypatch.setenv("HEXBENCH_CACHE", str(zipped))
    fault(lambda: make(zipped, 100), str(zipped), "it is a file", "HEXBENCH_CACHE")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    monkeypatch.setenv("HEXBENCH_CACHE", str(closed))
    if not os.access(closed, os.W_OK):  # root may write everywhere
        fault(lambda: make(zipped, 100), str(closed), "Permission denied", "HEXBENCH_CACHE")


def test_a_full_disk(tmp_path, small_disk, monkeypatch):
    path = nist.archive(tmp_path / "large.zip", [250] * 16 + [0] * 46)
    monkeypatch.setenv("HEXBENCH_CACHE", str(small_disk))
    make(path, 300)
    fault(lambda: make(path, 3_000), str(small_disk), "no room for about 1 MB", "HEXBENCH_CACHE")
    assert names(small_disk) == ["emnist"]
    assert len(course.read(small_disk / "emnist")[0]) == 300


def test_a_file_system_that_is_read_only(zipped, small_disk, monkeypatch):
    monkeypatch.setenv("HEXBENCH_CACHE", str(small_disk))
    mount("-o", "remount,ro", small_disk)
    fault(lambda: make(zipped, 100), str(small_disk), "Read-only", "HEXBENCH_CACHE")


def test_a_real_write_failure_anywhere(zipped, cached):
    pytest.importorskip("resource")
    program = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "from hexbench.cli import main\n"
        f"sys.argv[1:] = 'data build emnist --count 300 --archive'.split() + [{str(zipped)!r}]\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "no room for about" in done.stderr.splitlines()[-1]
    assert names(cached) == []
