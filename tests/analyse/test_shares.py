"""Numbers of 0 to 100 where a share is meant are refused by name."""

import pytest
from hexbench.analyse.parsing import parse
from hexbench.analyse.shares import check_shares
from hexbench.errors import BadInput

ACCURACY = {"metric": "test_accuracy", "model": "cnn"}
OTHER = {"metric": "test_accuracy", "model": "mlp"}
ABOUT = {"id": "one", "statement": "It holds.", "reported": "98%"}
NEAR = {**ABOUT, "rule": "near", "of": ACCURACY, "value": 0.98}


def checked(*claims):
    check_shares(parse([dict(claim) for claim in claims], {}, "study.toml"))


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        (NEAR | {"value": 98}, "value = 98: .* written 0.98"),
        (NEAR | {"margin": 1.5}, "margin = 1.5: .* written 0.015"),
        ({**ABOUT, "rule": "above", "difference": [ACCURACY, OTHER], "bound": -2}, "bound = -2: .* -0.02"),
        (NEAR | {"reading": [{"name": "other", "value": 97}]}, "value = 97"),
        ({**ABOUT, "rule": "images_needed", "of": ACCURACY, "reach": 80, "bound": 1_000}, "reach = 80"),
    ],
)
def test_a_percentage_is_refused(claim, said):
    with pytest.raises(BadInput, match=f"study.toml: claim 'one': {said}"):
        checked(claim)


def test_what_is_no_share_may_be_any_number():
    checked(
        NEAR,
        {**ABOUT, "id": "two", "rule": "above", "ratio": [ACCURACY, OTHER], "bound": 2},
        {**ABOUT, "id": "three", "rule": "below", "of": {"metric": "test_loss", "model": "cnn"}, "bound": 3},
        {**ABOUT, "id": "four", "rule": "images_needed", "of": ACCURACY, "reach": 0.8, "bound": 1_000},
        {
            **ABOUT,
            "id": "five",
            "rule": "equals",
            "of": {"metric": "parameters", "model": "cnn"},
            "value": 99,
        },
    )
