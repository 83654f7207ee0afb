"""Figures: what is in them, looked up in matplotlib's own objects."""

import numpy as np
import pytest
from analyse.runs import runs_of
from analyse.sound import but, correct, grid, network, svm
from analyse.whole_run import run
from hexbench.analyse.claims import judge
from hexbench.analyse.scaling import Growth, fit_power
from hexbench.report import figures, predictions
from hexbench.report.style import OKABE_ITO, Palette, save, styled
from hexbench.study import load
from report.made_up import FOREST, forest, slices_of


@pytest.fixture(autouse=True)
def style():
    with styled():
        yield


def texts(axes):
    return [text.get_text() for text in axes.texts]


def labels(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_a_palette_tells_more_than_eight_models_apart():
    names = [f"model {i}" for i in range(20)]
    palette = Palette(names)
    assert [palette.colour(n) for n in names[:8]] == list(OKABE_ITO)
    looks = {(palette.colour(n), palette.marker(n), str(palette.line(n))) for n in names}
    assert len(looks) == 20
    assert Palette(names).colour("model 3") == palette.colour("model 3")
    assert palette.colour("a new one") == OKABE_ITO[20 % 8]


def test_only_what_was_measured_has_a_marker():
    """Markers on the ends of a fitted line would pass for measurements."""
    law = fit_power([(100, 2.0), (1_000, 9.0), (10_000, 120.0)])
    slices = slices_of([svm(correct(0.9, 0))])
    params = next(iter(slices.runs.groups)).params
    figure = figures.growth([Growth("svm", params, None, "train_s", law, True)], slices, Palette(["svm"]))
    (axes,) = figure.axes
    (line,), (points,) = axes.lines, axes.collections
    assert np.asarray(points.get_offsets()).tolist() == [list(point) for point in law.points]
    assert line.get_marker() == "None" or line.get_markevery() == []
    assert labels(figure) == [f"SVM, fit: n^{law.exponent:.2f}"]


@pytest.mark.parametrize(
    ("sizes", "scale"), [((16, 32, 64, 128), "log"), ((10, 11, 12), "linear"), ((0, 5, 10), "linear")]
)
def test_geometric_values_are_on_a_logarithmic_axis(sizes, scale):
    records = [network("mlp", correct(0.8, 0), batch_size=16, hidden_layer_sizes=n) for n in sizes]
    figure = figures.by_axis(slices_of(records), "params.hidden_layer_sizes", Palette(["mlp"]))
    left, right = figure.axes
    assert left.get_xscale() == scale
    assert [t.get_text() for t in left.get_xticklabels()][::-1] == [str(n) for n in sizes]
    assert right.get_ylabel() == "relative time (first point = 1)"


def test_words_are_drawn_in_order_with_their_names():
    records = [forest(criterion=name) for name in ("gini", "entropy", "log_loss")]
    slices = slices_of(records, models={"forest": FOREST})
    figure = figures.by_axis(slices, "params.criterion", Palette(["forest"]))
    axes = figure.axes[0]
    assert axes.get_xscale() == "linear"
    assert {t.get_text() for t in axes.get_xticklabels()} == {"entropy", "gini", "log_loss"}
    assert figures.by_axis(slices, "epochs", Palette()) is None


def test_a_line_a_series_with_bars_from_the_lowest_to_the_highest_seed():
    figure = figures.by_axis(slices_of(run()), "train_size", Palette(["svm", "cnn", "mlp"]))
    nets = [
        f"{model}, {how}"
        for model, epochs in (("CNN", 3), ("MLP", 50))
        for how in ("early stopping", f"{epochs} epochs")
    ]
    assert {"SVM, tuned by SVM grid", *nets} < set(labels(figure))
    (axes,) = figure.axes
    for container in axes.containers:
        segments = container.lines[2][0].get_segments()
        for (x, y), ((x_low, low), (x_high, high)) in zip(
            container.lines[0].get_xydata(), segments, strict=True
        ):
            assert low - 1e-9 <= y <= high + 1e-9
            assert x == x_low == x_high


def test_learning_curves_are_means_with_a_band_and_test_points_where_it_was_tested():
    curve = [0.5, 0.6, 0.7, 0.8, 0.9]
    records = [
        network(
            "cnn",
            correct(0.9, seed),
            seed=seed,
            epochs=5,
            evaluated={2: correct(0.7, seed)},
            train_accuracy=[a + 0.02 * seed for a in curve],
        )
        for seed in (0, 1)
    ]
    slices = slices_of(records)
    group = next(group for setting, group in slices.runs.groups.items() if setting.epochs == 5)
    figure = figures.learning_curves({"CNN": group}, Palette(["cnn"]), "cnn")
    accuracy, loss = figure.axes
    training, test = accuracy.lines
    assert training.get_ydata() == pytest.approx([100 * (a + 0.01) for a in curve])
    assert list(test.get_xdata()) == [2, 5]
    assert training.get_color() == OKABE_ITO[0]
    assert len(accuracy.collections) == 2
    assert loss.get_ylim()[0] == 0
    assert figures.learning_curves({}, Palette(), "cnn") is None


def test_several_settings_of_a_model_are_told_apart():
    records = [network("mlp", correct(0.9, 0), learning_rate=rate) for rate in (0.1, 0.2)]
    groups = dict(zip(("A", "B"), slices_of(records).runs.groups.values(), strict=True))
    figure = figures.learning_curves(groups, Palette(["mlp"]), "mlp")
    assert labels(figure) == ["A: training, running mean", "A: test", "B: training, running mean", "B: test"]
    assert len({line.get_color() for line in figure.axes[0].lines}) == 2


@pytest.mark.parametrize(
    ("classes", "written", "ticks"), [(3, True, 3), (17, True, 17), (30, False, 30), (90, False, 30)]
)
def test_a_confusion_matrix_of_any_number_of_classes(classes, written, ticks, tmp_path):
    record = network("cnn", correct(0.9, 0))
    counts = np.eye(classes, dtype=int) * 9 + 1
    slices = slices_of([but(record, confusion=counts.tolist())])
    (group,) = slices.runs.groups.values()
    names = [f"class {i}" for i in range(classes)]
    figure = predictions.confusion_matrix(group, names, "CNN")
    axes = figure.axes[0]
    assert (len(texts(axes)) == classes**2) is written
    assert len(axes.get_yticks()) == ticks
    assert (
        axes.get_title()
        == f"CNN, seed 0\n{10 * classes:,} of {counts.sum():,} correct: {10 / (9 + classes):.1%}"
    )
    save(figure, tmp_path / "x.png")
    assert (tmp_path / "x.png").stat().st_size > 1_000


def test_calibration_pools_the_seeds_and_says_the_expected_error():
    records = [network("cnn", correct(0.75, seed), seed=seed) for seed in (0, 1)]
    (group,) = slices_of(records).runs.groups.values()
    images, confidence, accuracy = predictions._reliability(group)
    assert images.sum() == 2 * 3_000
    assert confidence == pytest.approx([0.64, 0.97])
    assert accuracy.tolist() == [0, 1]
    figure = predictions.calibration({"CNN": group}, Palette(["CNN"]))
    error = np.average(np.abs(accuracy - confidence), weights=images)
    assert figure.axes[0].get_legend().get_texts()[1].get_text() == f"CNN: ECE {100 * error:.1f} pp"
    (alone,) = slices_of([svm(correct(0.9, 0))]).runs.groups.values()
    assert predictions.calibration({"SVM": alone}, Palette()) is None, "it has no probabilities"


def test_draws_have_a_bar_an_accuracy_that_can_be():
    records = [
        grid(np.random.default_rng(seed).random(30) < 0.48, seed=seed, images=100) for seed in range(60)
    ]
    (group,) = slices_of(records).runs.groups.values()
    figure = predictions.draws(group, Palette(["svm_grid"]), "SVM", {"reported: 45%": 0.45})
    (axes,) = figure.axes
    heights = {
        round(30 * (bar.get_x() + bar.get_width() / 2) / 100): bar.get_height() for bar in axes.patches[1:]
    }
    counts = np.bincount([round(30 * a) for a in group.metric("test_accuracy")])
    assert {n: h for n, h in heights.items() if h} == {n: c for n, c in enumerate(counts) if c}
    assert [t.get_text() for t in axes.get_legend().get_texts()][1] == "reported: 45%"
    assert predictions.draws(type(group)([]), Palette(), "x") is None


def test_the_same_figure_gives_the_same_bytes(tmp_path):
    for name in "ab":
        figure = figures.by_axis(slices_of(run()), "train_size", Palette(["svm", "cnn", "mlp"]))
        save(figure, tmp_path / f"{name}.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_reported_numbers_stand_beside_each_cell():
    records = [network("cnn", correct(0.9, seed), seed=seed) for seed in range(3)]
    (group,) = slices_of(records).runs.groups.values()
    figure = predictions.beside_reported({"CNN": (0.98, group)}, Palette(["cnn"]))
    (axes,) = figure.axes
    (points,) = axes.collections
    assert [x for x, _ in points.get_offsets()] == pytest.approx(
        [100 * a for a in group.metric("test_accuracy")]
    )
    mean, reported = axes.lines
    assert reported.get_xdata() == [98]
    assert mean.get_xdata()[0] == pytest.approx(100 * np.mean(group.metric("test_accuracy")))
    assert predictions.beside_reported({}, Palette()) is None


def test_the_forest_plot_has_every_reported_number_beside_the_measured_one():
    verdicts = judge(load("digit_recognizer").claims, runs_of(run()), load("digit_recognizer").rules)
    figure = figures.claims(verdicts)
    shown = [tick.get_text() for axes in figure.axes for tick in axes.get_yticklabels()]
    drawable = [v for v in verdicts if v.target is not None and v.measured is not None]
    assert set(shown) == {v.id for v in drawable if v.unit in figures.PANELS}
    assert {"mlp-test", "cnn-3", "svm-10000", "svm-100", "cnn-best", "svm-slow"} <= set(shown)
    shares, _, ratios = figure.axes
    assert ratios.get_xscale() == "log"
    place = [t.get_text() for t in shares.get_yticklabels()].index("cnn-3")
    marks = [line for line in shares.lines if line.get_marker() == "D"]
    assert marks[place].get_xdata()[0] == pytest.approx(100 * 31_611 / 32_347)
    assert figures.claims([]) is None
