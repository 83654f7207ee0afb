import pytest
from analyse.records import broken, network, svm

from bench.analyse.check import THRESHOLDS, check, load
from bench.errors import BadInput

CNN = {
    "data": "made-up",
    "model": "cnn",
    "train_size": "all",
    "epochs": 3,
    "metric": "test_accuracy",
}
RECORDS = [
    network("cnn", 0.93, seed=0), network("cnn", 0.95, seed=1),
    network("cnn", 0.2, train_size=100), svm(0.91),
]  # fmt: skip


def verdict(records, **bounds):
    return check(records, [CNN | bounds], 700)[0]


def test_the_mean_over_seeds_on_all_images_is_held_against_the_bounds():
    found = verdict(RECORDS, min=0.92, max=0.96)
    assert (found.verdict, found.seeds) == ("ok", 2)
    assert found.measured == pytest.approx(0.94)
    assert verdict(RECORDS, min=0.9401).verdict == "BROKEN"
    assert verdict(RECORDS, max=0.9399).verdict == "BROKEN"


def test_other_data_and_other_cells_are_not_judged():
    assert check(RECORDS, [CNN | {"data": "elsewhere", "min": 0.99}], 700) == []
    assert verdict(RECORDS, min=0.5, epochs=50).verdict == "not measured"


def test_a_failed_cell_is_never_left_out_silently():
    records = [*RECORDS, broken(network("cnn", 0.0, seed=2, epochs=15))]
    assert verdict(records, min=0.5).verdict == "FAILED"
    svm_alone = {"data": "made-up", "model": "svm", "metric": "test_accuracy", "min": 0.5}
    assert check(records, [svm_alone], 700)[0].verdict == "ok"


def test_all_images_are_the_data_sets_not_the_largest_that_ran():
    few = [network("cnn", 0.5, train_size=100)]
    assert check(few, [CNN | {"min": 0.9}], 700)[0].verdict == "not measured"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("threshold = 1", "tables"),
        ("[[threshold]]\nmodel = 'cnn'", "needs data, metric"),
        ("[[threshold]]\ndata = 'x'\nmetric = 'test_accuracy'", "min or max"),
        ("[[threshold]]\ndata = 'x'\nmetric = 'test_accuracy'\nmin = '1'", "numbers"),
        ("[[threshold]]\ndata = 'x'\nmetric = 'test_accuracy'\nmin = 1\ncolour = 1", "colour"),
        ("[[threshold]]\ndata = 'x'\nmetric = 'glamour'\nmin = 1", "glamour"),
        ("[[", "cannot be read"),
    ],
)
def test_a_file_of_thresholds_that_is_wrong_is_named(tmp_path, text, words):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(BadInput, match=words) as caught:
        load(file)
    assert str(file) in str(caught.value)


def test_the_committed_thresholds_can_be_read_and_cover_the_three_models():
    for data in ("hex2024", "synthetic-9834"):
        assert {t["model"] for t in load(THRESHOLDS) if t["data"] == data} == {"mlp", "cnn", "svm"}
