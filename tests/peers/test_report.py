import csv

import pytest
from hexbench.peers.report import Run, conclusions, details, headline, page, write
from hexbench.store.record import Environment
from peers.made_up import outcome
from PIL import Image


def run(*outcomes, peak=1e11, remarks=()):
    environment = Environment("3", "Linux", "a processor", commit="c", packages={"jax": "1"})
    command = "python -m hexbench.peers"
    return Run("made-up", environment, command, list(outcomes), peak, list(remarks))


CNN = outcome("cnn", {"hexbench": [1, 2], "pytorch": [1.5, 2], "flax": [30, 40]})
MLP = outcome("mlp", {"hexbench": [1, 2], "pytorch": [7, 7]}, failed={"pytorch"})
SVM = outcome("svm", {"hexbench": [1.0], "sklearn": [8.0]}, images=2000)


def test_the_summary_has_a_row_a_contestant_and_a_column_a_contest():
    training, search, targets = headline([CNN, MLP, SVM])
    assert training.header == ("contestant", "CNN, batches of 16", "MLP, batches of 16")
    assert training.rows == [
        ("hexbench", "1", "1"),
        ("PyTorch", "1.25 (1.00 to 1.50)", "failed"),
        ("Flax's tutorial", "25.0 (20.0 to 30.0)", "–"),
    ]
    assert search.rows == [("hexbench", "1"), ("GridSearchCV", "8.00")]
    assert targets.rows[0] == (
        "CNN, batches of 16",
        "fastest peer: PyTorch",
        "1.3",
        "1.25",
        "1.00 to 1.50",
        "missed",
    )
    assert [row[-1] for row in targets.rows[1:]] == [*["not measured"] * 3, "met", "not measured"]
    assert targets.alignment == ["left", "left", "right", "right", "right", "left"]


def test_details_say_seconds_shares_and_memory():
    cnn, mlp, svm = details([CNN, MLP, SVM], peak=1e11)
    row = dict(zip(cnn.header, cnn.rows[1], strict=True))
    assert row["epoch (s)"] == "1.75"
    assert row["images/s"] == "3,933"
    # 3,933 images a second are 1.18e11 operations, where a plain convolution is counted.
    assert row["peak (%)"] == "1.2e+02"
    assert row["relative time"] == "1.25 (1.00 to 1.50)"
    assert row["relative start-up"] == "1.50"
    assert row["memory (MB)"] == "300"
    assert (row["test accuracy (%)"], row["vs. median of others (pp)"]) == ("90.0", "+0.0")
    assert "after 3 epochs. All accuracies agree: within " in cnn.note
    assert "was otherwise idle" in cnn.note
    assert [r[0] for r in mlp.rows] == ["hexbench"], "who failed has no numbers"
    assert "no other accuracy to compare with" in mlp.note
    found = dict(zip(svm.header, svm.rows[1], strict=True))
    assert (found["chosen"], found["search time (s)"], found["cross-validation (%)"]) == ("C=1", "8", "90.00")
    assert dict(zip(svm.header, svm.alignment, strict=True))["chosen"] == "left"
    assert "images/s" not in found


def test_a_page_without_a_peak_has_its_tables_all_the_same():
    (table,) = details([CNN], peak=None)
    assert {row[table.header.index("peak (%)")] for row in table.rows} == {"–"}
    assert "Peak: not measured" in page(run(CNN, peak=None))


def test_what_is_wrong_is_said_in_sentences():
    slow = outcome("cnn", {"hexbench": [2, 2], "pytorch": [1, 1], "flax": [3, 3]})
    slow_search = outcome("svm", {"hexbench": [2], "sklearn": [1]}, images=2000)
    four = {"hexbench": [1], "pytorch": [9], "keras-jax": [9], "flax": [9]}
    differing = outcome("mlp", four, {"flax": 0.2}, rounds=30)
    found = conclusions([slow, slow_search, differing, MLP])
    assert found["slower"] == ["CNN, batches of 16: hexbench is slower than PyTorch."]
    assert found["failed"] == ["MLP, batches of 16: PyTorch failed: MemoryError: no message"]
    assert len(found["differs"]) == 1
    assert "Flax's tutorial did not reach the same accuracy: it is -70.0 pp from" in found["differs"][0]
    text = page(run(slow, differing))
    assert "- **CNN, batches of 16: hexbench is slower than PyTorch.**" in text
    assert "**Accuracies differ:** more than" in text


def test_a_busy_machine_is_said_first():
    assert "not valid" not in page(run(CNN))
    CNN.clean = False
    try:
        text = page(run(CNN, MLP))
    finally:
        CNN.clean = True
    assert "these timings are not valid: CNN, batches of 16.**" in text.split("##")[0]


def test_a_run_is_written_as_page_picture_and_numbers(tmp_path):
    write(run(CNN, MLP, SVM, remarks=["Keras is left out."]), tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "- Keras is left out." in text
    assert "![Time relative to hexbench's](ratios.png)" in text
    assert '"command": "python -m hexbench.peers"' in text
    with Image.open(tmp_path / "ratios.png") as picture:
        assert picture.width > 800
    with (tmp_path / "rounds.csv").open() as file:
        rounds = list(csv.DictReader(file))
    assert rounds[3] == {
        "contestant": "pytorch",
        "model": "cnn",
        "batch_size": "16",
        "images": "6883",
        "round": "2",
        "seconds": "2",
    }
    assert len(rounds) == 6 + 4 + 2
    with (tmp_path / "contestants.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(r["contestant"], r["error"]) for r in rows[3:5]] == [
        ("hexbench", ""),
        ("pytorch", "MemoryError: no message"),
    ]
    assert rows[-1]["chosen"] == "C=1"
    assert rows[-1]["batch_size"] == ""


def test_a_picture_of_an_earlier_run_does_not_stay(tmp_path):
    write(run(CNN), tmp_path)
    write(run(outcome("cnn", {"hexbench": [1]})), tmp_path)
    assert not (tmp_path / "ratios.png").exists()
    assert "ratios.png" not in (tmp_path / "report.md").read_text()


@pytest.mark.parametrize("failed", [{"hexbench"}, {"hexbench", "pytorch", "flax"}])
def test_where_hexbench_failed_nothing_has_a_ratio(failed, tmp_path):
    seconds = {"hexbench": [1], "pytorch": [2], "flax": [3]}
    write(run(outcome("cnn", seconds, failed=failed)), tmp_path)
    assert "hexbench failed" in (tmp_path / "report.md").read_text()
