import numpy as np
import pytest
from hexbench.analyse.scaling import fit_power
from hexbench.analyse.size_rules import predicted_accuracy

SIZES = (1_000, 3_000, 10_000)


def flattening(size, floor):
    return floor + 3 * size**-0.5


@pytest.mark.parametrize("floor", [0.0, 0.01, 0.05])
def test_a_learning_curve_that_flattens_lies_in_its_prediction(floor):
    rng, inside, on_the_line = np.random.default_rng(0), 0, 0
    for _ in range(200):
        noise = np.exp(0.03 * rng.standard_normal(10))
        points = [(n, flattening(n, floor) * e) for n, e in zip(SIZES * 3, noise[:9], strict=True)]
        truth = flattening(75_000, floor) * noise[9]
        found = predicted_accuracy(points, 75_000, 0.95)
        inside += found.low <= 1 - truth <= found.high
        low, high = fit_power(points).predicted(75_000, 0.95)
        on_the_line += low <= truth <= high
    assert inside >= 190
    assert on_the_line < 20 or floor < 0.05, "a straight line alone promises too much"


def test_two_sizes_predict_nothing():
    assert predicted_accuracy([(100, 0.5), (200, 0.4)], 1_000, 0.95) is None
