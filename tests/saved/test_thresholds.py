"""The threshold is the lowest with few enough errors above it."""

import numpy as np
import pytest
from hexbench.saved.thresholds import choose


def test_without_errors_every_answer_is_accepted():
    found = choose(np.array([0.9, 0.3, 0.5]), np.ones(3, bool))
    assert (found.probability, found.accepted, found.wrong, found.images) == (0.3, 3, 0, 3)


def test_errors_below_the_threshold_are_left_out():
    confidence = np.linspace(0.2, 1, 1_000)
    correct = confidence > 0.4
    found = choose(confidence, correct)
    assert found.wrong <= 0.01 * found.accepted
    assert found.accepted == int(correct.sum() / 0.99)
    assert found.all_wrong == 1_000 - correct.sum()


def test_at_least_half_is_accepted_whatever_the_errors():
    confidence, correct = np.linspace(0.2, 1, 100), np.zeros(100, bool)
    found = choose(confidence, correct)
    assert (found.accepted, found.wrong) == (50, 50)
    found = choose(confidence, confidence > 0.9)  # few are accepted without an error
    assert (found.accepted, found.wrong) == (50, 50 - (confidence > 0.9).sum())


def test_equal_probabilities_are_accepted_together():
    found = choose(np.array([0.9, 0.9, 0.9, 0.9, 0.5]), np.array([True, False, True, True, True]))
    assert (found.probability, found.accepted, found.wrong) == (0.9, 4, 1)


@pytest.mark.parametrize("seed", range(5))
def test_what_it_says_is_what_the_threshold_gives(seed):
    rng = np.random.default_rng(seed)
    confidence = rng.random(500).round(2)
    correct = rng.random(500) < 0.5 + 0.5 * confidence
    found = choose(confidence, correct)
    accepted = confidence >= found.probability
    assert (found.accepted, found.wrong) == (accepted.sum(), (~correct[accepted]).sum())
    assert found.error.low <= found.error.value <= found.error.high
