import dataclasses
import json

import numpy as np
import pytest
from conftest import blobs
from hexbench.data import card as cards
from hexbench.data.card import CARD_FILE, describe
from hexbench.data.dataset import Dataset, Split
from hexbench.data.hints import hints
from hexbench.data.sources import Sources
from hexbench.errors import BadInput
from hexbench.report.card import classes, facts, page
from hexbench.studies.digit_recognizer import study
from hexbench.studies.digit_recognizer.data import course
from hexbench.studies.digit_recognizer.data.sources import KNOWN

IMAGES, LABELS = blobs(200)
SOURCES = Sources.of(study)
SPLIT = Split()


def loaded(option):
    source = SOURCES.resolve(str(option), 9_834)
    return source.load(), source.card


def card_of(data, card):
    return cards.card_of(data, card, KNOWN)


def verify(data, card, folder):
    return cards.verify(data, card, KNOWN, folder)


def test_the_embedded_default_is_what_it_was():
    """If this fails, drawn images have changed: record the fingerprints, say so in CHANGELOG."""
    data, card = loaded("synthetic:9834")
    assert data.fingerprint == KNOWN["synthetic-9834"].fingerprint
    assert "synthetic-9834" in verify(data, card, None)
    assert "tuned to be" in card_of(data, card).origin


@pytest.mark.slow
def test_the_large_default_is_what_it_was():
    data, _ = loaded("synthetic:107802")
    assert data.fingerprint == KNOWN["synthetic-107802"].fingerprint


def test_the_real_images_are_known(hex2024_folder, tmp_path):
    data, card = loaded(hex2024_folder)
    assert "hex2024" in verify(data, card, None)
    assert "public domain" in card_of(data, card).licence
    np.savez(tmp_path / "same.npz", X=data.images.reshape(-1, 400), y=data.labels)
    assert "hex2024" in verify(*loaded(tmp_path / "same.npz"), None), "the same pixels and labels"


def test_a_known_name_on_other_images_is_refused(save_course):
    data, card = loaded(save_course(IMAGES, LABELS, "hex2024"))
    with pytest.raises(BadInput, match="no fingerprint of hex2024 is recorded, and it is none of"):
        verify(data, card, None)


def test_images_nobody_recorded(save_course, tmp_path):
    data, card = loaded(save_course(IMAGES, LABELS))
    with pytest.raises(BadInput, match="data describe"):
        verify(data, card, None)
    with pytest.raises(BadInput, match=r"card.json is not there"):
        verify(data, card, tmp_path)
    card_of(data, card).write(tmp_path)
    assert CARD_FILE in verify(data, card, tmp_path)


def test_one_changed_pixel_is_seen(save_course, tmp_path):
    data, card = loaded(save_course(IMAGES, LABELS))
    card_of(data, card).write(tmp_path)
    changed = IMAGES.copy()
    changed[17, 200] ^= 1
    data, card = loaded(save_course(changed, LABELS))
    with pytest.raises(BadInput, match="is not what was recorded"):
        verify(data, card, tmp_path)


def test_a_sets_own_card_comes_first(save_course):
    folder = save_course(IMAGES, LABELS)
    data, card = loaded(folder)
    made = dataclasses.replace(card_of(data, card), name="mine", origin="a drawer", made={"by": 1})
    made.write(folder)
    data, card = loaded(folder)
    assert data.name == "mine" and card_of(data, card) == made
    assert verify(data, card, None) == CARD_FILE
    np.save(folder / "emnist_hex_labels.npy", np.roll(LABELS, 1))
    with pytest.raises(BadInput, match="has changed since"):
        loaded(folder)


def test_known_fingerprints_are_whole():
    for known in KNOWN.values():
        assert len(known.fingerprint) == 64 and int(known.fingerprint, 16)
        assert json.dumps(known.provenance.origin).isascii()


def test_counts_and_pixels_are_numpys():
    data = course.dataset("blobs", IMAGES, LABELS)
    found = describe(data, SPLIT)
    train, test = data.parts(SPLIT)
    assert (found.images, found.train, found.test) == (200, len(train), len(test))
    assert [a + b for a, b in found.class_counts] == np.bincount(LABELS, minlength=17).tolist()
    assert sum(b for _, b in found.class_counts) == len(test)
    assert found.mean == pytest.approx(IMAGES.mean())
    assert found.deviation == pytest.approx(IMAGES.std())
    assert (found.lowest, found.highest) == (IMAGES.min(), IMAGES.max())
    assert (found.ground, found.dark) == (90, pytest.approx((IMAGES < 90).mean()))
    assert found.white == pytest.approx((IMAGES >= 250).mean())
    for label in range(17):
        assert found.class_means[label] == pytest.approx(IMAGES[label == LABELS].mean())


def test_a_class_without_images_has_no_mean():
    labels = np.where(LABELS == 3, 4, LABELS).astype(np.uint8)
    found = describe(course.dataset("blobs", IMAGES, labels), SPLIT)
    assert found.class_means[3] is None and found.class_counts[3] == (0, 0)


def test_a_class_that_is_only_tested_is_a_hint():
    test = np.flatnonzero(LABELS == 3)
    data = dataclasses.replace(course.dataset("blobs", IMAGES, LABELS), test_part=test)
    (hint,) = (one for one in hints(data, None, {}) if "no training image" in one)
    assert hint.startswith(f"no training image is of class 3: {len(test)} of {len(test)} test images")


def test_images_in_both_parts_are_found():
    train, test = course.dataset("blobs", IMAGES, LABELS).parts(SPLIT)
    images, labels = IMAGES.copy(), LABELS.copy()
    images[test[:3]] = images[train[0]]
    labels[test[:3]] = labels[train[0]]
    images[test[3]] = images[train[1]]  # the same ink over other noise, and another label
    dark = images[test[3]] < 90
    images[test[3], dark] = (images[test[3], dark] + 1) % 90
    labels[test[3]] = (labels[train[1]] + 1) % 17
    data = course.dataset("blobs", images, labels)
    found = describe(data, SPLIT)
    assert found.repeated == 3
    assert found.repeated_ink == 4
    assert found.contradictory == 1
    plain = describe(dataclasses.replace(data, ground=None), SPLIT)
    assert (plain.repeated, plain.repeated_ink, plain.contradictory) == (3, 3, 0)


def test_nothing_is_found_twice_where_nothing_is(hex2024):
    found = describe(hex2024, SPLIT)
    assert (found.repeated, found.repeated_ink, found.contradictory) == (0, 0, 0)


def lines_of(data, split=SPLIT):
    found = describe(data, split)
    return "\n".join(facts(card_of(data, None), found)), found


def test_the_card_of_scikit_learns_digits():
    data, _ = loaded("digits")
    text, found = lines_of(data, Split(0.5, None))
    assert "Images: 1,797 of 8 x 8 grey pixels, 0 to 16.\n" in text
    assert "Split: 898 for training, 899 for testing (train_test_split(test_size=0.50, " in text
    assert "shuffle=False" in text and "Licence: CC BY 4.0." in text
    assert f"from 0 to 16; {(data.images == 16).mean():.1%} from 16." in text
    assert "noise" not in text
    assert text.endswith(data.fingerprint)
    table = classes(found)
    assert [row[:3] for row in table.rows][:2] == [("0", "178", "9.9%"), ("1", "182", "10.1%")]
    assert table.rows[0][-1] == f"{data.images[data.labels == 0].mean():.1f}"
    assert table.note == "Pixels from 0 to 16."
    assert page(card_of(data, None), found, "examples.png").startswith("# Data card: digits\n")


def test_the_card_of_colour_images_with_their_own_test_part():
    images = np.random.default_rng(0).integers(0, 256, (20, 32, 30, 3), np.uint8)
    data = Dataset("c", images, np.arange(20) % 2, ("cat", "dog"), test_part=np.arange(4))
    text, found = lines_of(data, data.split_by(SPLIT))
    assert "Images: 20 of 32 x 30 pixels of 3 channels, 0 to 255.\n" in text
    assert "Split: 16 for training, 4 for testing (the data's own test part)." in text
    assert [row[0] for row in classes(found).rows] == ["cat", "dog"]
    assert "Classes without" not in text


def test_the_card_of_the_studys_data_speaks_of_noise():
    labels = np.where(LABELS == 14, 13, LABELS).astype(np.uint8)
    text, _ = lines_of(course.dataset("blobs", IMAGES, labels))
    assert "below 90 (background noise)" in text and "if background noise is ignored" in text
    assert "Classes without an image: E." in text
    assert "train_test_split(test_size=0.30, random_state=42)" in text
