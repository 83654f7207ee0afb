"""Times of two runs: side by side on the same hardware alone, and never from a single run."""

import pytest
from analyse.runs import run_of
from analyse.sound import but, correct, grid, network
from hexbench.analyse.compare import compare

RIGHT = correct(0.9, 0)
MACHINE = "p, 2 cores"


def nets(seconds, **more):
    return [
        network("cnn", RIGHT, seed=seed, times={"epoch_s": s, "train_s": 3 * s}, **more)
        for seed, s in enumerate(seconds)
    ]


def set_beside(first, second):
    return compare(run_of(first), run_of(second))


def test_the_ratio_is_second_by_first():
    (found,) = set_beside(nets([1.0, 1.01, 0.99]), nets([2.0, 2.02, 1.98])).times
    assert (found.time, found.hardware) == ("epoch_s", (MACHINE, "cpu"))
    assert found.ratio.value == pytest.approx(2)
    assert 1.9 < found.ratio.low < 2 < found.ratio.high < 2.1
    assert found.has_interval


def test_a_search_and_a_fit_are_compared_apart():
    searches = [grid(RIGHT, seed=s, images=100) for s in range(2)]
    assert {t.time for t in set_beside(searches, searches).times} == {"search_s", "train_s"}


def test_a_single_clean_run_has_no_interval():
    first, second = nets([1.0, 1.1, 1.2]), nets([1.0, 9.0, 9.0])
    second[1:] = [but(record, timing_clean=False) for record in second[1:]]
    (found,) = set_beside(first, second).times
    assert (found.first, found.second) == ([1.0, 1.1, 1.2], [1.0])
    assert not found.has_interval
    second[0] = but(second[0], timing_clean=None)
    nothing = set_beside(first, second)
    assert nothing.times == []
    assert "1 of 1 settings" in nothing.remarks[0]
    assert "machine to itself" in nothing.remarks[0]


def test_times_of_other_hardware_are_not_compared_and_what_differs_is_named():
    here, there = nets([1.0, 1.1]), nets([1.0, 1.1], machine="n")
    found = set_beside(here, there)
    assert found.times == []
    assert found.remarks == [
        "Times of 1 of 1 settings are not compared: they ran on other hardware, machine p, 2 cores → "
        "n, 2 cores."
    ]
    gpu = set_beside(here, nets([1.0, 1.1], device="gpu: X"))
    assert gpu.remarks[0].endswith("device cpu → gpu: X.")


def test_of_several_machines_the_common_one_counts():
    first, second = nets([1.0, 1.1]), nets([5.0, 1.0, 1.1])
    second[0] = but(second[0], environment=but(second[0].environment, processor="n"))
    found = set_beside(first, second)
    assert [t.second for t in found.times] == [[1.0, 1.1]]
    assert found.remarks == []


def test_lengths_share_their_time_an_epoch_and_other_hyperparameters_do_not():
    first, second = nets([1.0, 1.1], epochs=3), nets([1.0, 1.1], epochs=9)
    assert len(set_beside(first, second).times) == 1
    assert set_beside(first, nets([1.0, 1.1], learning_rate=0.1)).times == []
