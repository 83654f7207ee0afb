"""The drawn images: their format, the repeatability of every byte, and that they can be read."""

import tomllib

import numpy as np
import pytest
from hexbench.studies.digit_recognizer.data import ground, synthetic
from hexbench.studies.digit_recognizer.data.glyphs import FILE, pens
from hexbench.studies.digit_recognizer.data.sources import IMAGES_IN_FULL
from sklearn.svm import SVC

COUNT = 2_500  # several chunks, the last one partly filled


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    return synthetic.draw(COUNT, seed=3, workers=1)


def test_format(drawn):
    images, labels = drawn
    assert images.shape == (COUNT, 400) and images.dtype == np.uint8
    assert labels.shape == (COUNT,) and labels.dtype == np.uint8
    assert set(labels) == set(range(17))


def test_the_seed_alone_sets_every_byte(drawn):
    images, labels = drawn
    again_images, again_labels = synthetic.draw(COUNT, seed=3, workers=3)
    assert np.array_equal(again_images, images) and np.array_equal(again_labels, labels)
    other_images, other_labels = synthetic.draw(COUNT, seed=4)
    assert not np.array_equal(other_images, images)
    assert not np.array_equal(other_labels, labels)


def test_no_image_comes_twice(drawn):
    assert len(np.unique(drawn[0], axis=0)) == COUNT


def test_order_is_shuffled(drawn):
    labels = drawn[1]
    assert len(set(labels[:100])) > 12


@pytest.mark.parametrize("count", [17, 40, 1_000, 9_834, IMAGES_IN_FULL])
def test_class_counts_follow_the_report(count):
    counts = np.array(ground.class_counts(count))
    exact = count * np.array(ground.REPORT_COUNTS) / sum(ground.REPORT_COUNTS)
    assert counts.sum() == count
    assert counts.min() >= 1
    assert np.abs(counts - exact).max() < 1


def test_class_counts_of_the_full_set():
    assert ground.class_counts(sum(ground.REPORT_COUNTS)) == list(ground.REPORT_COUNTS)


@pytest.mark.parametrize("count", [1, 2, 17, synthetic.CHUNK, synthetic.CHUNK + 1])
def test_any_count_from_one(count):
    images, labels = synthetic.draw(count, seed=1, workers=1)
    assert images.shape == (count, 400)
    assert np.bincount(labels, minlength=17).tolist() == ground.class_counts(count)


def test_a_chunk_of_one_kind_only():
    for label in range(17):
        images = synthetic._draw_chunk(np.random.default_rng(0), np.full(1, label, np.uint8))
        assert images.shape == (1, 400)


@pytest.mark.parametrize("count", [0, -1])
def test_no_images_is_an_error(count):
    with pytest.raises(ValueError, match="at least 1"):
        synthetic.draw(count)


def test_empty_images_are_light_paper(drawn):
    images, labels = drawn
    empty = images[labels == ground.EMPTY].astype(float)
    assert empty.mean() == pytest.approx(236.0, abs=0.2)
    assert empty.std() == pytest.approx(4.48, abs=0.1)


def test_black_is_replaced_by_noise(drawn):
    """Away from the ink, grey values are flat from 0 to 88, and 89 is a quarter as frequent."""
    images, labels = drawn
    frames = images[labels != ground.EMPTY].reshape(-1, 20, 20)
    edge = [0, 1, 18, 19]
    corners = frames[:, edge][:, :, edge].ravel()
    assert (corners <= 89).mean() > 0.99  # the rest is ink that reaches into a corner
    counts = np.bincount(corners, minlength=256)
    flat = counts[6:89]  # below lies the halo too
    assert np.abs(flat / flat.mean() - 1).max() < 0.25
    assert 0.12 < counts[89] / flat.mean() < 0.38
    assert counts[90:100].mean() < 0.05 * flat.mean()


def test_ink_fills_the_frame_as_in_emnist(drawn):
    """Every sign is bright somewhere, centred, and 16 of the 20 pixels long."""
    images, labels = drawn
    ink = images[labels != ground.EMPTY].reshape(-1, 20, 20)
    assert ink.max(axis=(1, 2)).min() > 170
    bright = ink > 127
    rows, columns = bright.any(axis=2), bright.any(axis=1)
    longer = np.maximum(rows.sum(axis=1), columns.sum(axis=1))
    assert longer.mean() == pytest.approx(16, abs=0.6)
    for used in (rows, columns):
        middle = (used * np.arange(20)).sum(axis=1) / used.sum(axis=1)
        assert middle.mean() == pytest.approx(9.5, abs=0.2)


def test_classes_can_be_told_apart(drawn):
    """An SVM classifies most digits correctly after 2,000 images; chance is 6%."""
    images, labels = drawn
    pixels, learnt = images / np.float32(255), slice(2000)
    model = SVC(C=10, gamma=0.02).fit(pixels[learnt], labels[learnt])
    found, truth = model.predict(pixels[2000:]), labels[2000:]
    assert (found == truth).mean() > 0.8
    for label in set(range(17)) - {14}:  # there is hardly an E among 500 images
        assert (found[truth == label] == label).mean() > 0.3, label


def test_tables_cover_the_sixteen_signs():
    table = pens()
    glyphs = tomllib.loads(FILE.read_text())["glyph"]
    assert [glyph["name"] for glyph in glyphs] == list("0123456789ABCDEF")
    assert len(table.slant) == len(table.width) == 16
    assert table.first[-1] == len(table.chance) == sum(len(glyph["ways"]) for glyph in glyphs)
    assert np.all(table.chance[table.first[1:] - 1] == 1)
    assert np.allclose(table.share.sum(axis=2), 1)
    assert np.abs(table.control).max() < 1.5
    for field in (table.index, table.piece, table.stroke):
        assert field.min() == 0
    assert table.index.max() < table.control.shape[1]
    assert table.piece.max() < table.index.shape[1]
