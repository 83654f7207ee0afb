import dataclasses
import json

import numpy as np
import pytest
from conftest import blobs

from bench.data.card import CARD_FILE
from bench.data.known import KNOWN, card_of, verify
from bench.data.sources import resolve
from bench.errors import BadInput

IMAGES, LABELS = blobs(200)


def loaded(option):
    source = resolve(str(option), 9_834)
    return source.load(), source


def test_the_embedded_default_is_what_it_was():
    """If this fails, drawn images have changed: record the new fingerprints and say so in CHANGELOG."""
    data, source = loaded("synthetic:9834")
    assert data.fingerprint == KNOWN["synthetic-9834"].fingerprint
    assert "synthetic-9834" in verify(data, source, None)
    assert "tuned to be" in card_of(data, source).origin


@pytest.mark.slow
def test_the_large_default_is_what_it_was():
    data, _ = loaded("synthetic:107802")
    assert data.fingerprint == KNOWN["synthetic-107802"].fingerprint


def test_the_real_images_are_known(hex2024_folder):
    data, source = loaded(hex2024_folder)
    assert "hex2024" in verify(data, source, None)
    assert "public domain" in card_of(data, source).licence


def test_a_known_name_on_other_images_is_refused(save_course):
    data, source = loaded(save_course(IMAGES, LABELS, "hex2024"))
    with pytest.raises(BadInput, match=f"fingerprint is {data.fingerprint}.*own record"):
        verify(data, source, None)


def test_images_nobody_recorded(save_course, tmp_path):
    data, source = loaded(save_course(IMAGES, LABELS))
    with pytest.raises(BadInput, match="data describe"):
        verify(data, source, None)
    with pytest.raises(BadInput, match=r"card.json is not there"):
        verify(data, source, tmp_path)
    card_of(data, source).write(tmp_path)
    assert CARD_FILE in verify(data, source, tmp_path)


def test_one_changed_pixel_is_seen(save_course, tmp_path):
    data, source = loaded(save_course(IMAGES, LABELS))
    card_of(data, source).write(tmp_path)
    changed = IMAGES.copy()
    changed[17, 200] ^= 1
    data, source = loaded(save_course(changed, LABELS))
    with pytest.raises(BadInput, match="is not what was recorded"):
        verify(data, source, tmp_path)


def test_a_sets_own_card_speaks_for_it(save_course):
    folder = save_course(IMAGES, LABELS)
    data, source = loaded(folder)
    card = dataclasses.replace(
        card_of(data, source), name="mine", origin="a drawer", made={"by": 1}
    )
    card.write(folder)
    data, source = loaded(folder)
    assert data.name == "mine" and card_of(data, source) == card
    assert verify(data, source, None) == CARD_FILE
    np.save(folder / "emnist_hex_labels.npy", np.roll(LABELS, 1))
    with pytest.raises(BadInput, match="has changed since"):
        loaded(folder)


def test_known_fingerprints_are_whole():
    for known in KNOWN.values():
        assert len(known.fingerprint) == 64 and int(known.fingerprint, 16)
        assert json.dumps(known.origin).isascii()
