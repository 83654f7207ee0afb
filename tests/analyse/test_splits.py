"""Accuracies on random splits: what verdicts rest on, and what stands beside them."""

import numpy as np
import pytest
from analyse.runs import runs_of
from analyse.sound import correct, grid, network, svm
from analyse.test_claims import judged
from hexbench.analyse.groups import RANDOM, Selection
from hexbench.analyse.runs import Ambiguous
from hexbench.report import split_tables, tables
from hexbench.report.slices import Slices
from scipy.stats import t

NEAR = """
[[claim]]
id = "it"
statement = "It is 90%."
rule = "near"
of = { metric = "test_accuracy", model = "cnn", epochs = 3 }
value = 0.9
margin = 0.05
seeds = 3
"""
ABOVE = """
[[claim]]
id = "it"
statement = "The CNN is better."
rule = "above"
difference = [
    { metric = "test_accuracy", model = "cnn", epochs = 3 },
    { metric = "test_accuracy", model = "svm", params_from = "svm_grid" },
]
bound = 0.0
"""
SPLITS = range(100, 120)


def share(accuracy, split):
    """A share that differs by split, exactly."""
    return round(3_000 * (accuracy + 0.002 * ((split % 5) - 2))) / 3_000


def right(accuracy, split):
    return np.arange(3_000) < round(3_000 * share(accuracy, split))


def cnns(accuracy, splits=SPLITS):
    return [network("cnn", right(accuracy, s), seed=s, split=s) for s in splits]


def svms(accuracy, splits=SPLITS):
    return [
        record
        for s in splits
        for source in [grid(right(accuracy, s), seed=s, split=s, train_size=2_000)]
        for record in (source, svm(right(accuracy, s), seed=s, split=s, source=source))
    ]


def test_a_verdict_rests_on_the_splits_with_the_variance_of_nadeau_and_bengio():
    own = [network("cnn", correct(0.7, s), seed=s) for s in range(3)]
    found = judged(NEAR, [*cnns(0.9), *own])["it"]
    values = [share(0.9, s) for s in SPLITS]
    assert found.verdict == "supported"
    assert (found.n, found.measured) == (20, pytest.approx(np.mean(values)))
    reach = t.ppf(0.975, 19) * np.sqrt((1 / 20 + 0.3 / 0.7) * np.var(values, ddof=1))
    assert found.high - found.measured == pytest.approx(reach)
    (parts,) = [d for d in found.details if d.title == "Parts of the claim"]
    assert parts.header[-1] == "on the report's own split"
    assert parts.rows[0][-1].startswith("70."), "beside it, without a verdict"


def test_fewer_than_five_splits_decide_nothing():
    own = [network("cnn", correct(0.9, s), seed=s) for s in range(3)]
    found = judged(NEAR, [*cnns(0.5, range(100, 104)), *own])["it"]
    assert (found.n, found.verdict) == (3, "supported")


def test_models_are_compared_split_by_split_each_with_its_own_search():
    found = judged(ABOVE, [*cnns(0.92), *svms(0.9)])["it"]
    assert (found.verdict, found.n) == ("supported", 20)
    assert found.low == pytest.approx(found.high), "the same difference on every split"
    assert "Above 0 on 20 of 20 random splits" in found.reason
    fewer = judged(ABOVE, [*cnns(0.92), *svms(0.9, SPLITS[:8])])["it"]
    assert fewer.n == 8, "the splits that both have"


def test_a_claim_that_names_a_split_rests_on_its_seeds():
    own = [network("cnn", correct(0.7, s), seed=s) for s in range(3)]
    found = judged(NEAR.replace("epochs = 3", "epochs = 3, split = 42"), [*cnns(0.9), *own])["it"]
    assert (found.n, found.verdict) == (3, "refuted")


def test_splits_whose_cells_differ_in_more_are_an_error_that_names_it():
    mixed = [*cnns(0.9), *(network("cnn", right(0.8, s), seed=s, split=s, batch_size=32) for s in SPLITS)]
    runs = runs_of(mixed)
    assert len(runs.on_splits(Selection("cnn", {"epochs": 3}))) == 20
    with pytest.raises(Ambiguous, match=r"on random splits differ in params\.batch_size"):
        runs.on_splits(Selection("cnn", {"epochs": 3, "batch_size": "any"}))


def test_tables_have_a_row_for_all_random_splits():
    slices = Slices(runs_of([*cnns(0.92), *svms(0.9), network("cnn", correct(0.9, 0))]))
    merged = [setting for setting in slices.groups if setting.split == RANDOM]
    assert sorted((s.model, len(slices.groups[s])) for s in merged) == [
        ("cnn", 20),
        ("svm", 20),
        ("svm_grid", 20),
    ]
    assert len(tables.overview(slices).table.rows) == 3
    (ahead,) = [row for row in split_tables.ahead(slices).rows if row[0].startswith("CNN")][:1]
    assert ahead[-1] == "20 of 20"
