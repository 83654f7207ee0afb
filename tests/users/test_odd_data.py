"""Data that are a little different: read as they are meant, hinted at, or refused with a remedy."""

import gzip
import re
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from conftest import blobs
from hexbench.cli import main
from hexbench.data import hints as hinting
from hexbench.data.card import Card, describe
from hexbench.data.dataset import Dataset, Split
from hexbench.data.hints import AS_THEY_ARE, Hypothesis, class_means, hints, likenesses
from hexbench.data.sources import Sources
from hexbench.errors import BadInput
from hexbench.report.card import facts
from hexbench.store.manifest import DataFacts
from hexbench.studies.digit_recognizer import study
from hexbench.studies.digit_recognizer.data import course
from hexbench.studies.digit_recognizer.data.sources import IMAGES_FILE, LABELS_FILE

resolve = Sources.of(study).resolve
IMAGES, LABELS = blobs(34)


@pytest.fixture(scope="module")
def reference():
    """The study's, drawn once."""
    found = study.REFERENCE()
    return lambda: found


@pytest.fixture
def hinted(reference):
    def hinted(data):
        return hints(data, reference, {})

    return hinted


def some(data, rows):
    return replace(data, images=data.images[rows], labels=data.labels[rows])


def drawn(data, count, seed=0):
    return some(data, np.random.default_rng(seed).permutation(len(data.labels))[:count])


def without(data, label):
    return some(data, np.flatnonzero(data.labels != label))


def turned(data, turn):
    return replace(data, images=turn(data.images))


def inverted(data):
    return turned(data, lambda x: 255 - x)


def shifted(data, by):
    kept = without(data, 16 if by > 0 else 0)
    return replace(kept, labels=(kept.labels.astype(int) + by).astype(np.uint8))


# --- What is right is left alone. ---


def test_no_hint_of_the_real_images(hex2024, hinted):
    assert hinted(hex2024) == []
    for seed in range(5):
        assert hinted(drawn(hex2024, 60, seed)) == []
    for first in (0, 3, 7):
        ten = some(hex2024, np.flatnonzero((hex2024.labels >= first) & (hex2024.labels < first + 10)))
        assert hinted(ten) == []
        assert hinted(drawn(ten, 60)) == []


@pytest.mark.parametrize("option", ["synthetic:500", "synthetic:60", "digits"])
def test_no_hint_of_the_named_sets(hinted, option):
    assert hinted(resolve(option).load()) == []


def test_no_hint_of_images_that_are_no_digits(hinted):
    """Noise, rough and smooth, whose class means are alike by chance, and images that say nothing."""
    from scipy.ndimage import gaussian_filter

    labels = (np.arange(500) % 17).astype(np.uint8)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        rough = rng.integers(0, 256, (500, 20, 20), np.uint8)
        smooth = gaussian_filter(rng.normal(size=(17, 20, 20)), (0, 4, 4))[labels] + 0.02 * rough / 255
        smooth = 255 * (smooth - smooth.min()) / np.ptp(smooth)
        for images in (rough, smooth.astype(np.uint8)):
            assert hinted(course.dataset("noise", images, labels)) == []


def test_known_data_are_never_doubted(reference, hex2024):
    for data in (hex2024, resolve("synthetic").load()):
        assert hints(data, lambda: 1 / 0, study.KNOWN) == []


def test_where_there_is_nothing_to_compare(reference):
    """Names, colours or sizes that are not the study's, and no reference at all."""
    data = resolve("synthetic:500").load()
    wrong = inverted(data)
    assert hints(wrong, reference, {})
    assert hints(wrong, None, {}) == []
    assert hints(replace(wrong, class_names=tuple(f"c{i}" for i in range(17))), reference, {}) == []
    few = some(wrong, np.flatnonzero(wrong.labels < 7))
    assert hints(few, reference, {}) == []
    colours = Dataset("c", np.stack([wrong.images] * 3, axis=-1), wrong.labels, wrong.class_names)
    assert hints(colours, reference, {}) == []


# --- What is wrong is said, with both figures. ---

ODD = {
    "inverted": (
        inverted,
        r"^ink and ground look exchanged .*mean pixel is 1\d\d where .* about 81\).*save 255 - X$",
    ),
    "transposed": (
        lambda d: turned(d, lambda x: x.swapaxes(1, 2)),
        r"^the images look transposed: .*X\.swapaxes",
    ),
    "mirrored": (lambda d: turned(d, lambda x: x[:, :, ::-1]), "^the images look mirrored: "),
    "upside down": (lambda d: turned(d, lambda x: x[:, ::-1]), "^the images look upside down: "),
    "rotated": (lambda d: turned(d, lambda x: x[:, ::-1, ::-1]), "^the images look rotated by 180 degrees: "),
    "left": (
        lambda d: turned(d, lambda x: np.rot90(x, 1, (1, 2))),
        "^the images look rotated by 90 .* to the left:",
    ),
    "right": (
        lambda d: turned(d, lambda x: np.rot90(x, 3, (1, 2))),
        "^the images look rotated by 90 .* the right:",
    ),
    "from 1": (lambda d: shifted(d, 1), "^the labels look one too high: .*save y - 1$"),
    "from -1": (lambda d: shifted(d, -1), "^the labels look one too low: .*save y [+] 1$"),
    "both": (
        lambda d: inverted(turned(d, lambda x: x.swapaxes(1, 2))),
        "^the images look transposed and ink and ground look exchanged .* and 255 - X$",
    ),
}


@pytest.mark.parametrize("odd", ODD)
def test_odd_real_images_are_noticed(hex2024, hinted, odd):
    make, words = ODD[odd]
    for data in (hex2024, drawn(hex2024, 500), drawn(hex2024, 500, 1)):
        found = hinted(make(data))
        assert len(found) == 1
        assert_said(found[0], words)


@pytest.mark.parametrize("odd", ODD)
def test_odd_synthetic_images_are_noticed(hinted, odd):
    make, words = ODD[odd]
    (found,) = hinted(make(resolve("synthetic:600").load()))
    assert_said(found, words)


def assert_said(hint, words):
    assert re.search(words, hint), hint
    now, then = map(
        float, re.search(r"correlate (\S+) with .* are, and (\S+) with that undone", hint).groups()
    )
    assert then > 0.5 and then - now > 0.2


@pytest.mark.parametrize("turn", [turn for turn in hinting.TURNS if turn])
def test_what_a_hint_advises_undoes_it(hinted, turn):
    data = resolve("synthetic:600").load()
    undo, turning = hinting.TURNS[turn]
    wrong = turned(data, lambda x: turning(turning(turning(x))))  # the fourth brings it back
    assert f"the images look {turn}: " in hinted(wrong)[0]
    assert f" save {undo} of images" in hinted(wrong)[0]
    mended = replace(wrong, images=np.ascontiguousarray(eval(undo, {"X": wrong.images})))
    assert hinted(mended) == []
    np.testing.assert_array_equal(mended.images, data.images)


@pytest.mark.parametrize("shape", [(28, 28), (40, 30), (64, 64)])
def test_images_of_any_size(hinted, shape):
    from PIL import Image

    data = resolve("synthetic:600").load()
    large = np.stack([np.asarray(Image.fromarray(image).resize(shape[::-1])) for image in data.images])
    assert hinted(replace(data, images=large)) == []
    (hint,) = hinted(replace(data, images=large.swapaxes(1, 2)))
    assert hint.startswith("the images look transposed")


def test_the_scores_are_correlations(reference):
    right = reference()
    wanted = class_means(right, list(range(17)), right.shape)
    found = likenesses(wanted, list(range(17)), wanted)
    assert found[AS_THEY_ARE] == pytest.approx(1, abs=1e-5)
    assert found[Hypothesis(inverted=True)] == pytest.approx(-1, abs=1e-5)
    assert max(found.values()) == found[AS_THEY_ARE]
    centred = (wanted - wanted.mean(axis=0)).reshape(17, -1)
    mirrored = (wanted[:, :, ::-1] - wanted[:, :, ::-1].mean(axis=0)).reshape(17, -1)
    by_numpy = np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(mirrored, centred, strict=True)])
    assert found[Hypothesis("mirrored")] == pytest.approx(by_numpy, abs=1e-5)


# --- Hints of pixels alone. ---


def test_dim_images(hinted):
    data = Dataset("dim", (IMAGES.reshape(-1, 20, 20) // 16), LABELS, course.CLASS_NAMES)
    top = data.images.max()
    (hint,) = hinted(data)
    assert hint == (
        f"the highest pixel is {top} of 255: models see values up to {top / 255:.2f}; multiply the pixels by "
        f"{255 / top:.3g} if {top} is white"
    )
    assert hinted(replace(data, pixel_max=16)) == []


def test_images_of_two_tones_and_of_one(hinted):
    images = 255 * (IMAGES.reshape(-1, 20, 20) > 150).astype(np.uint8)
    data = Dataset("two", images, LABELS, course.CLASS_NAMES)
    assert hinted(data) == [
        "every pixel is 0 or 255: images of two tones (0 and 1 in a file are read so too)"
    ]
    images[[7, 9]] = 0
    images[12] = 200
    name = course.CLASS_NAMES[LABELS[7]]
    assert hinted(data) == [f"3 of 34 images are of one tone alone; the first is number 7, of class {name}"]


# --- Where they are said. ---


@pytest.fixture
def folder(save_course):
    """A set whose labels count from 1."""
    data = shifted(resolve("synthetic:600").load(), 1)
    return save_course(data.images, data.labels, "counted")


def run(monkeypatch, capsys, tmp_path, *arguments):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["run_benchmarks.py", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code or 0, " ".join(capsys.readouterr().out.split())


def test_a_run_says_it_before_and_in_its_report(monkeypatch, capsys, tmp_path, folder):
    suite = ("--suite", "smoke", "--only", "model=svm", "--data", folder, "--out", "out")
    code, said = run(monkeypatch, capsys, tmp_path, *suite)
    assert code == 0
    assert "hint: the labels look one too high: " in said
    assert "the labels look one too high" in (tmp_path / "out" / "report.md").read_text()
    assert "the labels look one too high" in (tmp_path / "out" / "report.html").read_text()


def test_a_card_says_it(monkeypatch, capsys, tmp_path, folder):
    code, said = run(monkeypatch, capsys, tmp_path, "data", "describe", folder, "--out", "card")
    assert code == 0
    assert "Hint: the labels look one too high: " in said
    assert "- Hint: the labels look one too high" in (tmp_path / "card" / "card.md").read_text()
    code, said = run(monkeypatch, capsys, tmp_path, "data", "describe", "synthetic:500", "--out", "card")
    assert code == 0 and "Hint" not in said


def test_earlier_manifests_have_no_hints():
    facts = DataFacts("n", "o", "l", False, 4, 3, 1, "f", (2, 2), 255, ["a", "b"], [2, 2], ["x"])
    earlier = msgspec.to_builtins(facts)
    del earlier["hints"]
    assert msgspec.convert(earlier, DataFacts).hints == []


def test_a_card_without_hints_is_as_before():
    data = resolve("synthetic:60").load()
    card = Card("n", "o", "l", 60, data.class_counts, data.fingerprint, {})
    description = describe(data, Split())
    assert not any("Hint" in line for line in facts(card, description))
    assert "Hint: look." in facts(card, description, ["look"])


# --- Other forms of the real files are the same data. ---

FORMS = {
    "255ths": (lambda x: x.astype(np.float32) / 255, lambda y: y),
    "255ths in half precision": (lambda x: (x / 255).astype(np.float16), lambda y: y),
    "channels first": (lambda x: x.reshape(-1, 1, 20, 20), lambda y: np.eye(17, dtype=np.float32)[y]),
    "channels last": (lambda x: x.reshape(-1, 20, 20, 1).astype(float), lambda y: y[:, None]),
    "texts": (lambda x: x, lambda y: np.array([*"0123456789abcdef", "empty"])[y]),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_real_images_in_another_form(hex2024, save_course, form):
    of_images, of_labels = FORMS[form]
    source = resolve(str(save_course(of_images(hex2024.images), of_labels(hex2024.labels))))
    data = source.load()
    assert data.fingerprint == hex2024.fingerprint == study.KNOWN["hex2024"].fingerprint
    assert (source.count, source.shape) == (len(data.images), data.shape)


# --- What is not the file. ---

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
WRONG = {
    "a pointer": (POINTER, "is a Git LFS pointer, not the file itself: run git lfs pull"),
    "a page": (b"\xef\xbb\xbf\r\n<!DOCTYPE html><html>log in", "is a web page, perhaps that of a login"),
    "another page": (b"<html>", "is a web page"),
    "gzip": (gzip.compress(b"\x93NUMPY"), "is compressed by gzip: unpack it with gunzip"),
    "pickle": (b"\x80\x04\x95", "is a pickle"),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("file", [IMAGES_FILE, LABELS_FILE])
def test_a_file_of_a_folder_is_something_else(save_course, what, file):
    content, words = WRONG[what]
    folder = save_course(IMAGES, LABELS)
    (folder / file).write_bytes(content)
    refused(folder, f"{folder / file} {words}")


@pytest.mark.parametrize("what", WRONG)
def test_an_archive_is_something_else(tmp_path, what):
    content, words = WRONG[what]
    (tmp_path / "set.npz").write_bytes(content)
    refused(tmp_path / "set.npz", f"{tmp_path / 'set.npz'} {words}")


def test_one_kind_of_file_under_the_name_of_another(save_course, tmp_path):
    folder = save_course(IMAGES, LABELS)
    np.save(tmp_path / "one.npy", IMAGES)
    (tmp_path / "one.npy").rename(tmp_path / "set.npz")
    refused(tmp_path / "set.npz", r"is a single array \(.npy\), not an archive: save it with np.savez")
    np.savez(tmp_path / "both.npz", X=IMAGES, y=LABELS)
    (tmp_path / "both.npz").replace(folder / IMAGES_FILE)
    refused(folder, "is a zip archive")


def test_a_card_that_is_a_pointer(save_course):
    folder = save_course(IMAGES, LABELS)
    (folder / "card.json").write_bytes(POINTER)
    refused(
        folder, r"card\.json is damaged \(it is a Git LFS pointer, not the file itself: run git lfs pull\)"
    )


def refused(path, words):
    with pytest.raises(BadInput, match=words) as caught:
        resolve(str(path)).load()
    message = str(caught.value)
    assert message.endswith(".") and "\n" not in message


def test_blanks_around_labels_are_no_part_of_them(save_course, tmp_path):
    images, labels = blobs(60)
    padded = np.array([f" {name} " for name in course.CLASS_NAMES])[labels]
    assert np.array_equal(course.read(save_course(images, padded))[1], labels)
    names = np.array(["a ", " a", "b", "b\t"])[labels % 4]
    np.savez(tmp_path / "x.npz", X=images, y=names, class_names=np.array(["b ", "a"]))
    data = Sources().resolve(str(tmp_path / "x.npz")).load()
    assert data.class_names == ("b", "a")
    assert np.array_equal(data.labels == 1, labels % 4 < 2)
    np.savez(tmp_path / "y.npz", X=images, y=np.array(["a", "  "])[labels % 2])
    with pytest.raises(BadInput, match="an empty name"):
        Sources().resolve(str(tmp_path / "y.npz")).load()


def test_one_hot_rows_without_the_column_of_a_class_are_refused(save_course):
    """Which class it is nobody knows: the labels after it would be one too low."""
    images, labels = blobs(160, classes=16)
    with pytest.raises(BadInput, match="rows of 16 columns: 17 are needed"):
        course.read(save_course(images, np.eye(16)[labels]))


def test_an_empty_file_is_said_to_be_empty(tmp_path):
    (tmp_path / "x.npz").touch()
    with pytest.raises(BadInput, match=r"x.npz is empty"):
        Sources().resolve(str(tmp_path / "x.npz"))


def test_images_of_one_tone_are_not_said_to_have_two():
    data = Dataset(
        "plain", np.full((40, 8, 8), 7, np.uint8), np.arange(40, dtype=np.uint8) % 10, tuple("0123456789")
    )
    said = " ".join(hints(data, None, {}))
    assert "of one tone alone" in said
    assert "two tones" not in said


def test_bytes_that_were_saved_as_signed_come_with_their_remedy(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8)).astype(np.uint8)
    np.savez(tmp_path / "x.npz", X=images.view(np.int8), y=np.arange(20) % 2)
    with pytest.raises(BadInput, match=r"save X.view\('uint8'\)"):
        Sources().resolve(str(tmp_path / "x.npz")).load()
