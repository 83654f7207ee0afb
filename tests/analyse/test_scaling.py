import numpy as np
import pytest
from analyse.runs import runs_of
from analyse.sound import but, correct, grid, network, svm
from hexbench.analyse.scaling import MEMORY, fit_power, growths
from hexbench.store.record import Memory


def test_an_exact_law_is_found():
    law = fit_power([(n, 3 * n**1.5) for n in (100, 1_000, 10_000)])
    assert (law.exponent, law.factor) == (pytest.approx(1.5), pytest.approx(3))
    assert (law.low, law.high) == (pytest.approx(1.5), pytest.approx(1.5))
    assert law(400) == pytest.approx(3 * 400**1.5)


def test_the_interval_covers_the_truth_nineteen_times_in_twenty():
    rng = np.random.default_rng(0)
    sizes = np.geomspace(100, 100_000, 6)
    times = (sizes**2 * np.exp(0.3 * rng.standard_normal(6)) for _ in range(2_000))
    laws = [fit_power(zip(sizes, seconds, strict=True)) for seconds in times]
    covered = np.mean([law.low <= 2 <= law.high for law in laws])
    assert 0.935 < covered < 0.965


def test_two_sizes_are_too_few():
    assert fit_power([(100, 1), (100, 2), (200, 3)]) is None
    assert fit_power([(100, 1), (200, 2), (0, 3), (300, 0)]) is None


def cell(size, seconds, *, clean=True, peak=None, seed=0, **more):
    record = network(
        "cnn",
        correct(0.9, 0),
        train_size=size,
        seed=seed,
        times={"epoch_s": seconds},
        timing_clean=clean,
        **more,
    )
    start = None if peak is None else 100.0
    return but(record, memory=Memory(peak, start))


def laws(records):
    return growths(runs_of(records))


def test_growth_by_model_and_hyperparameters():
    records = [cell(n, n / 1000, peak=100.0 + n) for n in (200, 400, 800)]
    records += [cell(n, (n / 1000) ** 2, batch_size=128) for n in (200, 400, 800)]
    found = {(dict(g.params)["batch_size"], g.what): g.law.exponent for g in laws(records)}
    assert found == {
        (16, "epoch_s"): pytest.approx(1),
        (16, MEMORY): pytest.approx(1),
        (128, "epoch_s"): pytest.approx(2),
    }
    two_rates = [cell(n, n**rate, learning_rate=rate) for n in (200, 400, 800) for rate in (1.0, 2.0)]
    assert [g.law.exponent for g in laws(two_rates)] == [pytest.approx(1), pytest.approx(2)]


def test_runs_that_were_disturbed_are_left_out_where_there_are_others():
    clean = [cell(n, n / 1000) for n in (200, 400, 800)]
    disturbed = [cell(n, 99.0, clean=False, seed=1) for n in (200, 400, 800)]
    (law,) = laws(clean + disturbed)
    assert (law.law.exponent, law.clean) == (pytest.approx(1), True)
    (law,) = laws(disturbed)
    assert (law.law.exponent, law.clean) == (pytest.approx(0), False)
    (law,) = laws([*clean[:2], cell(800, 0.8, machine="q")])
    assert (law.law.exponent, law.clean) == (pytest.approx(1), False), "several machines"


def test_every_run_counts_and_the_smallest_sizes_not_at_all():
    many = [cell(200, 0.2, seed=seed) for seed in range(5)]
    law = laws([*many, cell(400, 0.4), cell(800, 0.8), cell(100, 5.0)])[0].law
    assert law.exponent == pytest.approx(1)
    assert [x for x, _ in law.points] == [200] * 5 + [400, 800]


def test_what_grows_depends_on_what_a_model_is():
    sizes = (200, 400, 800)
    fits = [svm(correct(0.9, 0), train_size=n, times={"train_s": n**2.0, "predict_s": n**1.0}) for n in sizes]
    searches = [grid(correct(0.9, 0), train_size=n, times={"search_s": n**1.5}) for n in sizes]
    few_classes = [grid(correct(0.9, 0), train_size=n, classes=2) for n in sizes]
    found = {(g.model, g.what): g.law.exponent for g in laws([*fits, *searches, *few_classes])}
    assert found == {
        ("svm", "train_s"): pytest.approx(2),
        ("svm", "predict_s"): pytest.approx(1),
        ("svm_grid", "search_s"): pytest.approx(1.5),
    }
