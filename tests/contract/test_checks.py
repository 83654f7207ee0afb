"""Each check passes for models that behave, and finds those that do not."""

from pathlib import Path

import pytest
from hexbench.contract.checks import CHECKS, Fault, NotApplicable, Remark
from hexbench.contract.subject import Subject
from hexbench.plan.models import known_models, name_of

FILE = Path(__file__).with_name("misbehaving.py")
FITS, LARGER, OBLONG = "fits and predicts", "larger images", "non-square images"
CLASSES, INPUT, SAME = "a class without images", "leaves its input alone", "same seed, same model"
TEST = "does not see test images"


def subject(name):
    reference = f"{FILE}:{name}" if name[0].isupper() else name
    return Subject(known_models([reference])[name_of(reference)])


@pytest.mark.parametrize("name", ["Plain", "svm", "logistic"])
def test_a_model_that_behaves_passes_every_check(name):
    of, seen = subject(name), []
    for check in CHECKS.values():
        try:
            seen.append(check(of))
        except NotApplicable as error:
            seen.append(str(error))
    assert all(words and not words.endswith(".") for words in seen)


@pytest.mark.parametrize(
    ("name", "check", "words"),
    [
        ("Rounding", "constructor", "smoothing differs after construction"),
        ("Columns", FITS, r"predict gives \(48, 1\), not \(48,\)"),
        ("OtherLabels", FITS, "predict gives 1.., which is no label"),
        ("NotANumber", FITS, "not finite"),
        ("NoShares", FITS, "are no probabilities"),
        ("TenColumns", CLASSES, r"predict_proba gives \(48, 10\), not \(48, 9\)"),
        ("TenColumns", "two classes", r"10\), not \(\d+, 2\)"),
        ("OneSize", LARGER, "fit raises TypeError: 64 numbers with images of 24 x 24: take their size"),
        ("OneSize", "images in colour", "with images of 8 x 8 x 3"),
        ("Squares", OBLONG, "fit raises AssertionError.* 24 x 16"),
        ("Shuffled", "learns", "of its own 64 training images .* 32 are expected"),
        ("Centring", INPUT, "fit changes X"),
        ("Sorting", INPUT, "predict changes the images"),
        ("Unseeded", SAME, "differ in their predictions for 48 of 48"),
        ("Lambda", "survives pickling", "cannot be pickled"),
        ("Forgetful", "survives pickling", "predicts otherwise"),
        ("Batches", "predicts images one by one", "depend on the images that are predicted with them"),
        pytest.param("Peeking", TEST, "change the model", marks=pytest.mark.slow),
        pytest.param("Softmax", "logits", "probabilities, not logits", marks=pytest.mark.slow),
        pytest.param("Half", "logits", "bfloat16, not float32", marks=pytest.mark.slow),
        pytest.param("Otherwise", "compiles", "others once it is compiled", marks=pytest.mark.slow),
    ],
)
def test_a_model_that_does_not_behave_is_found(name, check, words):
    with pytest.raises(Fault, match=words):
        CHECKS[check](subject(name))


def test_a_size_that_a_model_refuses_in_a_sentence_is_no_fault():
    of = subject("Refusing")
    with pytest.raises(NotApplicable, match="refuses images of 24 x 24: ValueError: 8 x 8 are needed"):
        CHECKS[LARGER](of)
    assert "8 x 8" in CHECKS[FITS](of)


def test_a_model_that_takes_large_images_alone_is_tried_on_these():
    assert "24 x 24" in CHECKS[FITS](subject("Large"))


def test_a_seed_that_changes_nothing_is_a_remark():
    with pytest.raises(Remark, match="deterministic = True"):
        CHECKS["honours random_state"](subject("Seedless"))
    with pytest.raises(NotApplicable, match="declared deterministic"):
        CHECKS["honours random_state"](subject("Plain"))
