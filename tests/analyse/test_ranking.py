"""Models beside each other: order, intervals, images needed; the table and the figure."""

import numpy as np
import pytest
from analyse.sound import but, correct, grid, network, svm
from hexbench.analyse import intervals
from hexbench.analyse.ranking import ranking
from hexbench.report import ranking as shown
from hexbench.report.style import Palette, shortened, styled
from hexbench.store.record import Memory
from report.made_up import slices_of

SEEDS = range(3)
TUNED = "SVM, tuned by a search that is missing"


def sized(record, megabytes):
    return but(record, memory=Memory(model_mb=megabytes))


RECORDS = [
    *(
        sized(
            network("cnn", correct(0.95, s), seed=s, epochs=3, times={"train_s": 8.0, "predict_s": 0.3}), 0.6
        )
        for s in SEEDS
    ),
    *(network("cnn", correct(0.70, s), seed=s, epochs=3, train_size=300) for s in SEEDS),
    *(network("mlp", correct(0.80, s), seed=s, epochs=50, times={"train_s": 1.0}) for s in SEEDS),
    *(network("mlp", correct(0.60, s), seed=s, epochs=50, train_size=300) for s in SEEDS),
    svm(correct(0.9495, 0), times={"train_s": 2.0, "predict_s": 3.0}),
]


@pytest.fixture(scope="module")
def slices():
    return slices_of(RECORDS)


@pytest.fixture(scope="module")
def found(slices):
    return ranking(slices.runs, slices.headlines, slices.groups)


def test_the_most_accurate_stands_first(found):
    assert [rank.setting.model for rank in found.ranks] == ["cnn", "svm", "mlp"]
    assert found.ranks[0].behind is None
    accuracies = [rank.accuracy for rank in found.ranks]
    assert all(one.low < one.value < one.high for one in accuracies)
    assert accuracies[0].value == pytest.approx(np.mean([correct(0.95, s).mean() for s in SEEDS]))


def test_what_is_shown_to_be_worse_and_what_is_not(found):
    _, svm_rank, mlp_rank = found.ranks
    assert mlp_rank.is_behind
    assert mlp_rank.behind.value == pytest.approx(0.15, abs=0.01)
    assert not svm_rank.is_behind


def test_intervals_of_all_three_pairs_hold_together(found, slices):
    first, last = found.ranks[0], found.ranks[2]
    sides = [np.array(rank.group.correct) for rank in (first, last)]
    spreads = [
        slices.runs.priors[r.setting.model].at(float(np.mean(r.group.metric("test_accuracy"))))
        for r in (first, last)
    ]
    expected = intervals.difference(*sides, 1 - 0.05 / 3, tuple(spreads))
    assert last.behind == expected


def test_images_needed_for_what_all_reach(found):
    assert found.reach == pytest.approx(0.8, abs=0.011)
    cnn, svm_rank, mlp = found.ranks
    assert [rank.smallest for rank in found.ranks] == [300, 7_000, 300]
    assert 300 < cnn.images.value < mlp.images.value <= 7_000
    assert svm_rank.images is None, "one size alone"


def test_one_model_alone_has_no_rank():
    slices = slices_of(RECORDS[:6])
    assert ranking(slices.runs, slices.headlines, slices.groups) is None


def test_models_on_fewer_images_have_no_rank():
    slices = slices_of([*RECORDS[3:6], *RECORDS[6:9], RECORDS[-1]])
    ranks = ranking(slices.runs, slices.headlines, slices.groups).ranks
    assert {rank.setting.model for rank in ranks} == {"mlp", "svm"}


def test_a_model_that_needs_fewer_than_were_measured_names_its_own_fewest():
    larger = [network("cnn", correct(0.94, s), seed=s, epochs=3, train_size=3_000) for s in SEEDS]
    slices = slices_of([*RECORDS[:3], *larger, *RECORDS[6:12]])
    found = ranking(slices.runs, slices.headlines, slices.groups)
    column = shown.table(found, slices).header.index(f"images for {100 * found.reach:.0f}%")
    cells = {row[1]: row[column] for row in shown.table(found, slices).rows}
    assert cells["CNN"] == "< 3,000"
    assert cells["MLP"] not in ("–", "< 300")


def test_a_model_on_another_split_has_no_rank():
    others = [network("cnn", correct(0.99, s), seed=s, split=7, epochs=3) for s in SEEDS]
    slices = slices_of([*others, *RECORDS[6:]])
    assert "cnn" in slices.headlines
    ranks = ranking(slices.runs, slices.headlines, slices.groups).ranks
    assert {rank.setting.model for rank in ranks} == {"svm", "mlp"}


def test_models_on_test_images_of_their_own_have_no_rank():
    """A search on images that are split again has other test images, however many images it has."""
    slices = slices_of([*RECORDS, grid(correct(0.99, 0)[:3_000], images=10_000)])
    assert "svm_grid" in slices.headlines
    ranks = ranking(slices.runs, slices.headlines, slices.groups).ranks
    assert [rank.setting.model for rank in ranks] == ["cnn", "svm", "mlp"]


def test_the_table(found, slices):
    table = shown.table(found, slices)
    assert [row[:2] for row in table.rows] == [("1", "CNN"), ("2", TUNED), ("3", "MLP")]
    by_name = dict(zip(table.header, table.rows[0], strict=True))
    assert by_name["train (s)"] == "8"
    assert by_name["predict 1,000 images (ms)"] == "100"
    assert by_name["size (MB)"] == "0.6"
    assert by_name["seeds"] == "3"
    assert f"Not shown to be worse than the best: {TUNED}." in table.note
    assert len(table.rows[0]) == len(table.header)


def test_the_figure(found, slices):
    with styled():
        figure = shown.pareto(found, slices, Palette(slices.runs.models))
    left, right = figure.axes
    assert [axes.get_xscale() for axes in figure.axes] == ["log", "log"]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["CNN", shortened(TUNED, 24), "MLP"]
    step = left.lines[0]
    assert step.get_xdata()[:-1].tolist() == [1.0, 2.0, 8.0]
    assert right.get_xlabel() == "milliseconds to predict 1,000 images"
