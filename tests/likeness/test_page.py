import numpy as np
from matplotlib.image import imread

from bench.likeness import page
from bench.likeness.trials import MODELS, Trial
from bench.report.examples import draw_examples


def made_up():
    confusion = np.diag(np.full(17, 9))
    confusion[0, 13] = 1
    for model in MODELS:
        for seed in (0, 1):
            for own, base in (("real", 80.0), ("drawn", 82.0)):
                for size in (100, 700):
                    accuracy = base + size / 100 + seed
                    yield Trial(model, own, own, size, seed, accuracy, confusion)
                other = "drawn" if own == "real" else "real"
                yield Trial(model, own, other, 700, seed, base - 10, confusion)


TRIALS = list(made_up())


def test_accuracy_by_size():
    table = page.by_size(TRIALS, "real", "drawn")
    assert table.rows[1] == ("MLP, 50 epochs", "700", "87.5 ± 0.7", "89.5 ± 0.7", "+2.0")
    assert len(table.rows) == 6


def test_trained_on_one_and_tested_on_the_other():
    table = page.crossed(TRIALS, "real", "drawn")
    assert table.rows[0] == ("MLP, 50 epochs", "real", "87.5 ± 0.7", "70.0")
    assert table.rows[1] == ("MLP, 50 epochs", "drawn", "72.0", "89.5 ± 0.7")


def test_pairs_of_classes():
    table = page.confused(TRIALS, "real", "drawn")
    assert table.rows[0] == ("0 / D", "100.0", "100.0")
    assert "over all 136 pairs (Spearman): 1.00" in table.note


def test_beside_the_report():
    found = [trial for trial in TRIALS if trial.trained_on == trial.tested_on == "real"]
    rows = page.beside_report([t for t in found if t.train_size == 700]).rows
    assert rows[1] == ("CNN, 3 epochs", "700", "87.5 ± 0.7", "98", "-10.5")


def test_pictures_are_drawn(tmp_path):
    page.draw_accuracies(TRIALS, "real", "drawn", tmp_path / "accuracy.png")
    images = np.zeros((34, 400), np.uint8)
    sets = [("a_$b$", images, np.arange(34) % 17), ("b", images, np.zeros(34, int))]
    draw_examples(sets, tmp_path / "figures" / "examples.png")
    for name in ("accuracy.png", "figures/examples.png"):
        assert imread(tmp_path / name).std() > 0
