import numpy as np
import pytest
from analyse.records import network

from bench.analyse.readings import readings
from bench.analyse.scaling import fit_power, growths


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


def cell(size, seconds, *, clean=True, batch_size=16, peak=None):
    record = network("cnn", 0.9, train_size=size, batch_size=batch_size)
    record["key"] += str(clean)
    record["times"]["epoch_s"] = seconds
    record["timing_clean"] = clean
    record["memory"] = {"peak_mb": peak, "start_mb": None if peak is None else 100.0}
    return record


def test_growth_by_model_and_batch_size():
    records = [cell(n, n / 1000, peak=100 + n) for n in (200, 400, 800)]
    records += [cell(n, (n / 1000) ** 2, batch_size=128) for n in (200, 400, 800)]
    found = {(g.batch_size, g.what): g.law.exponent for g in growths(readings(records))}
    assert found == {
        (16, "seconds an epoch"): pytest.approx(1),
        (16, "memory above the start"): pytest.approx(1),
        (128, "seconds an epoch"): pytest.approx(2),
    }


def test_runs_that_were_disturbed_are_left_out_where_there_are_others():
    clean = [cell(n, n / 1000) for n in (200, 400, 800)]
    disturbed = [cell(n, 99.0, clean=False) for n in (200, 400, 800)]
    assert growths(readings(clean + disturbed))[0].law.exponent == pytest.approx(1)
    assert growths(readings(disturbed))[0].law.exponent == pytest.approx(0)


def test_each_size_counts_once_and_the_smallest_not_at_all():
    many = [cell(200, 0.2, batch_size=16) | {"key": f"k{i}"} for i in range(50)]
    records = [*many, cell(400, 0.4), cell(800, 0.8), cell(100, 5.0)]
    law = growths(readings(records))[0].law
    assert law.exponent == pytest.approx(1)
    assert [x for x, _ in law.points] == [200, 400, 800]
