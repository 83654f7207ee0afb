"""The `data` commands and `--data emnist` as a user meets them, in a fresh process each."""

import hashlib
import json
import os
import signal
import sys
import time

import numpy as np
import pytest
from conftest import ROOT, blobs, start_hearing_ctrl_c
from data import nist
from data.server import serving
from hexbench.studies.digit_recognizer.data import course
from hexbench.studies.digit_recognizer.data.sources import KNOWN
from matplotlib.image import imread


@pytest.fixture(scope="module")
def zipped(tmp_path_factory):
    return nist.archive(tmp_path_factory.mktemp("nist") / "gzip.zip")


@pytest.fixture
def data(hexbench, tmp_path):
    """Runs `data ...` with a cache folder of its own."""

    def run(*arguments):
        return hexbench("data", *arguments, HEXBENCH_CACHE=str(tmp_path / "cache"), NO_PROXY="*")

    return run


def one_sentence(done, *words):
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    for word in words:
        assert word in last


def test_fetch_then_use(data, hexbench, zipped, tmp_path):
    content = zipped.read_bytes()
    checksum = f"sha256:{hashlib.sha256(content).hexdigest()}"
    with serving(content) as server:
        fetch = ("fetch", "emnist", "--url", server.url("cut-once"), "--checksum", checksum)
        first = data(*fetch, "--count", 200)
        assert first.returncode == 0, first.stderr
        assert "attempt 2 of 3" in first.stdout
        again = data("fetch", "emnist", "--checksum", checksum, "--count", 200)
        assert f"{tmp_path / 'cache' / 'emnist-gzip.zip'} is here already" in again.stdout
        assert server.asked == ["cut-once"] * 2

    folder = tmp_path / "cache" / "emnist"
    fingerprint = course.dataset("", *course.read(folder)).fingerprint
    for done in (first, again):
        assert done.stderr == "", "an archive that was asked for by checksum needs no warning"
        assert fingerprint in done.stdout.splitlines()
        assert f"emnist-200: 200 images in {folder}" in done.stdout
        assert "use it with --data emnist" in done.stdout
    assert str(tmp_path) not in (folder / "card.json").read_text()

    used = hexbench("--suite", "smoke", "--data", "emnist", "--plan", HEXBENCH_CACHE=str(folder.parent))
    assert used.returncode == 0, used.stderr
    one_sentence(data("build", "emnist"), "does not have the checksum", "data fetch emnist")


def test_an_archive_of_ones_own(data, zipped, tmp_path):
    done = data("build", "emnist", "--archive", zipped, "--all")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(f"Warning: {zipped} is not the archive that NIST published")
    card = json.loads((tmp_path / "cache" / "emnist" / "card.json").read_text())
    assert card["name"] == "emnist-507"
    assert card["made"]["archive_sha256"] == hashlib.sha256(zipped.read_bytes()).hexdigest()
    assert [p.name for p in (tmp_path / "cache").iterdir()] == ["emnist"], "it is not copied"


def test_bad_requests(data, zipped, tmp_path):
    one_sentence(data("fetch", "mnist"), "mnist")
    one_sentence(data("build", "emnist", "--count", 33), "33")
    one_sentence(data("build", "emnist", "--count", 40, "--all"), "--count and --all")
    one_sentence(data("fetch", "emnist", "--url", "https://a/b", "--archive", zipped), "--archive")
    one_sentence(data("fetch", "emnist", "--url", "here.zip"), "here.zip", "no web address")
    one_sentence(data("build", "emnist", "--checksum", "md5:1"), "--checksum")
    one_sentence(data("build", "emnist"), "cache", "is not there", "data fetch emnist")
    one_sentence(data("build", "emnist", "--archive", "none.zip"), "none.zip")
    one_sentence(data("build", "emnist", "--archive", zipped), "--count", "--all")
    assert not (tmp_path / "cache" / "emnist").exists()


def test_a_truncated_archive_with_the_right_checksum(data, zipped, tmp_path):
    content = zipped.read_bytes()[:-1000]
    checksum = f"md5:{hashlib.md5(content).hexdigest()}"
    with serving(content) as server:
        url = server.url("whole")
        done = data("fetch", "emnist", "--url", url, "--checksum", checksum, "--count", 34)
    one_sentence(done, "emnist-gzip.zip", "no whole zip")
    assert not (tmp_path / "cache" / "emnist").exists()


@pytest.mark.slow
def test_a_download_without_a_server(data, tmp_path):
    done = data("fetch", "emnist", "--url", "http://127.0.0.1:9/gzip.zip")
    one_sentence(done, "http://127.0.0.1:9/gzip.zip", "--url", "--archive")
    assert list((tmp_path / "cache").iterdir()) == []


def test_emnist_that_is_not_built(hexbench, tmp_path):
    run = ("--suite", "smoke", "--data", "emnist", "--plan")
    done = hexbench(*run, HEXBENCH_CACHE=str(tmp_path))
    one_sentence(done, str(tmp_path / "emnist"), "data fetch emnist")


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a process")
@pytest.mark.parametrize("what", ["silent", pytest.param("whole", marks=pytest.mark.slow)])
def test_ctrl_c_leaves_nothing_half_done(zipped, tmp_path, what):
    """Once while the server has fallen silent, once while images are read."""
    data = nist.parts()
    rows = 400_000 if what == "whole" else 0
    data["train"] = (
        np.concatenate([data["train"][0], np.zeros((rows, 28, 28), np.uint8)]),
        np.concatenate([data["train"][1], np.full(rows, 61, np.uint8)]),
    )
    content = nist.write(tmp_path / "gzip.zip", nist.members(data)).read_bytes()
    cached = tmp_path / "cache"
    checksum = f"md5:{hashlib.md5(content).hexdigest()}"
    with serving(content) as server:
        command = ["fetch", "emnist", "--url", server.url(what), "--checksum", checksum]
        with start_hearing_ctrl_c(
            [sys.executable, ROOT / "run_benchmarks.py", "data", *command, "--count", "100"],
            env=os.environ | {"HEXBENCH_CACHE": str(cached), "NO_PROXY": "*"},
        ) as process:
            kept = cached / "emnist-gzip.zip"
            until = time.monotonic() + 30
            while time.monotonic() < until and not (kept.exists() or server.asked == ["silent"]):
                time.sleep(0.01)
            while not list(cached.glob(".unfinished-*")):
                time.sleep(0.01)
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors.strip().splitlines() == ["Error: stopped; what was finished is kept."]
    assert [path.name for path in cached.iterdir()] == ([kept.name] if what == "whole" else [])


def fingerprint_line(done):
    """The line of 64 digits and nothing else."""
    found = [x for x in done.stdout.splitlines() if len(x) == 64 and set(x) <= set("0123456789abcdef")]
    assert len(found) == 1, done.stdout
    return found[0]


def test_describe_then_verify(hexbench, save_course, tmp_path):
    images, labels = blobs(200)
    labels[labels == 14] = 13
    folder = save_course(images, labels)
    fingerprint = course.dataset("", images, labels).fingerprint
    done = hexbench("data", "describe", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert fingerprint_line(done) == fingerprint
    for words in (
        "Licence: unknown",
        "140 for training, 60 for testing",
        "Classes without an image: E.",
    ):
        assert words in done.stdout
    card = tmp_path / "results" / "data" / "course"
    assert f"\n`{fingerprint}`\n" in (card / "card.md").read_text()
    assert json.loads((card / "card.json").read_text())["fingerprint"] == fingerprint
    assert imread(card / "examples.png").std() > 0

    done = hexbench("data", "verify", folder, "--card", card)
    assert done.returncode == 0 and fingerprint_line(done) == fingerprint
    labels[0] = (labels[0] + 1) % 17
    save_course(images, labels)
    one_sentence(hexbench("data", "verify", folder, "--card", card), fingerprint, "card.json")
    one_sentence(hexbench("data", "verify", folder), "no fingerprint of course is recorded")


def test_verify_the_embedded_default(hexbench):
    done = hexbench("data", "verify", "synthetic")
    assert done.returncode == 0, done.stderr
    assert fingerprint_line(done) == KNOWN["synthetic-9834"].fingerprint


def test_describe_scikit_learns_digits(hexbench, tmp_path):
    done = hexbench("data", "describe", "digits", "--out", "card")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Images: 1,797 of 8 x 8 grey pixels, 0 to 16." in done.stdout
    assert imread(tmp_path / "card" / "examples.png").std() > 0
    done = hexbench("data", "verify", "digits", "--card", "card")
    assert done.returncode == 0
    assert fingerprint_line(done) == json.loads((tmp_path / "card" / "card.json").read_text())["fingerprint"]


def test_describe_images_in_colour(hexbench, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (60, 28, 24, 3), np.uint8)
    np.savez(tmp_path / "pets.npz", X=images, y=np.arange(60) % 3, class_names=["cat", "dog", "cow"])
    done = hexbench("data", "describe", "pets.npz")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Images: 60 of 28 x 24 pixels of 3 channels, 0 to 255." in done.stdout
    for name in ("cat", "dog", "cow"):
        assert name in done.stdout
    one_sentence(hexbench("data", "compare", "pets.npz"), "pets has 3 classes of 28 x 24 x 3 images")
    one_sentence(hexbench("data", "describe", "digit"), "did you mean 'digits'")


def test_describe_the_set_built_from_an_archive(data, zipped):
    data("build", "emnist", "--archive", zipped, "--count", 200)
    described, verified = data("describe", "emnist"), data("verify", "emnist")
    assert described.returncode == verified.returncode == 0
    assert fingerprint_line(described) == fingerprint_line(verified)
    assert "built from an archive that is not the one NIST published" in described.stdout
    assert "Made with seed: 0." in described.stdout


def test_compare_writes_its_page(hexbench, save_course, tmp_path):
    folder = save_course(*blobs(300))
    done = hexbench("data", "compare", folder, "--seeds", 1, "--out", "likeness")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "likeness" / "report.md").read_text()
    assert page.startswith("# course beside synthetic")
    assert course.dataset("", *blobs(300)).fingerprint in page
    assert len((tmp_path / "likeness" / "trials.csv").read_text().splitlines()) == 1 + 2 * 3 * 3
    for picture in ("accuracy", "examples"):
        assert imread(tmp_path / "likeness" / "figures" / f"{picture}.png").std() > 0


def test_compare_needs_images_in_common(hexbench, save_course):
    done = hexbench("data", "compare", save_course(*blobs(51)))
    one_sentence(done, "course and synthetic", "at least 200")
