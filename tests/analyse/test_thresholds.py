import pytest
from analyse.runs import runs_of, with_data
from analyse.sound import FINGERPRINT, broken, correct, grid, network, svm
from hexbench import study
from hexbench.analyse.thresholds import METRICS, check, derived, load
from hexbench.errors import BadInput

CNN = {"data": FINGERPRINT, "model": "cnn", "epochs": 3, "metric": "test_accuracy"}
RECORDS = [
    network("cnn", correct(0.93, 0), seed=0),
    network("cnn", correct(0.95, 1), seed=1),
    network("cnn", correct(0.2, 0), train_size=100),
    svm(correct(0.91, 0)),
]
MEAN = float(correct(0.93, 0).mean() + correct(0.95, 1).mean()) / 2


@pytest.fixture
def findings(tmp_path):
    """What the records say of thresholds, each given as its entry."""

    def judged(records, *entries, **data):
        lines = []
        for entry in entries:
            values = (f"{name} = {value!r}\n" for name, value in entry.items())
            lines.append("[[threshold]]\n" + "".join(values))
        file = tmp_path / "t.toml"
        file.write_text("\n".join(lines).replace("True", "true"))
        more = {"data": with_data(**data)} if data else {}
        return check(runs_of(records, **more), load(file))

    return judged


def test_the_mean_over_seeds_on_all_images_is_held_against_the_bounds(findings):
    (found,) = findings(RECORDS, CNN | {"min": 0.92, "max": 0.97})
    assert (found.verdict, found.seeds) == ("ok", 2)
    assert found.measured == pytest.approx(MEAN)
    assert found.fails_at == pytest.approx(0.92 - found.reach)
    assert findings(RECORDS, CNN | {"min": MEAN + 1e-4})[0].verdict == "beyond, within error"
    assert findings(RECORDS, CNN | {"min": MEAN + found.reach - 1e-4})[0].verdict == "beyond, within error"
    assert findings(RECORDS, CNN | {"min": MEAN + found.reach + 1e-4})[0].verdict == "BROKEN"
    assert findings(RECORDS, CNN | {"max": MEAN - 1e-4})[0].verdict == "better than expected"


def test_what_is_deterministic_has_no_error(findings):
    tuned = {"data": FINGERPRINT, "model": "svm", "params_from": "svm_grid", "metric": "test_accuracy"}
    right = float(correct(0.91, 0).mean())
    assert findings(RECORDS, tuned | {"min": right + 1e-4})[0].verdict == "BROKEN"
    assert findings(RECORDS, tuned | {"min": right - 1e-4})[0].verdict == "ok"


def test_more_loss_breaks_and_less_is_better(findings):
    loss = CNN | {"metric": "test_loss"}
    (found,) = findings(RECORDS, loss | {"max": 1.0})
    assert findings(RECORDS, loss | {"max": found.measured - 1e-3})[0].verdict == "BROKEN"
    assert findings(RECORDS, loss | {"min": found.measured + 1e-3})[0].verdict == "better than expected"


def test_a_threshold_that_guessing_keeps_is_called_blind(findings):
    assert findings(RECORDS, CNN | {"min": 0.05})[0].is_blind
    assert not findings(RECORDS, CNN | {"min": 0.9})[0].is_blind


def test_a_run_derives_thresholds_that_it_keeps_and_a_worse_one_breaks(tmp_path):
    def runs(drop):
        cnns = [network("cnn", correct(0.93 - drop, s), seed=s) for s in range(5)]
        return runs_of([*cnns, svm(correct(0.91 - drop, 0)), grid(correct(0.91, 5), images=10_000)])

    file = tmp_path / "derived.toml"
    file.write_text(derived(runs(0.0)))
    kept = check(runs(0.0), load(file))
    assert {f.verdict for f in kept} == {"ok"}
    assert sorted(t.quantity.selection.model for t in load(file)) == ["cnn", "svm"]
    assert {f.verdict for f in check(runs(0.1), load(file))} == {"BROKEN"}
    with pytest.raises(BadInput, match="no model was measured on all training images"):
        derived(runs_of([network("cnn", correct(0.2, 0), train_size=100)]))


def test_other_data_and_other_cells_are_not_judged(findings):
    assert findings(RECORDS, CNN | {"data": "e" * 64, "min": 0.99}) == []
    (found,) = findings(RECORDS, CNN | {"min": 0.5, "epochs": 50})
    assert found.verdict == "not measured"


def test_the_name_of_the_data_does_not_count(findings):
    (found,) = findings(RECORDS, CNN | {"min": 0.5}, name="renamed")
    assert found.where.startswith("renamed, cnn")


def test_a_failed_cell_is_never_left_out_silently(findings):
    lost = network("cnn", correct(0.9, 2), seed=2, epochs=15, evaluated={3: correct(0.9, 2)})
    records = [*RECORDS, broken(lost)]
    assert findings(records, CNN | {"min": 0.5})[0].verdict == "FAILED"
    tuned = {"data": FINGERPRINT, "model": "svm", "params_from": "svm_grid", "metric": "test_accuracy"}
    assert findings(records, tuned | {"min": 0.5})[0].verdict == "ok"


def test_all_images_are_the_data_sets_not_the_largest_that_ran(findings):
    few = [network("cnn", correct(0.5, 0), train_size=100)]
    assert findings(few, CNN | {"min": 0.9})[0].verdict == "not measured"


def test_hyperparameters_are_those_of_the_threshold_or_the_defaults(findings):
    fast = [network("cnn", correct(0.5, s), seed=s, learning_rate=0.1) for s in range(2)]
    base, rate = findings([*RECORDS, *fast], CNN | {"min": 0.9}, CNN | {"min": 0.9, "learning_rate": 0.1})
    assert (base.verdict, base.seeds) == ("ok", 2)
    assert (rate.verdict, rate.seeds) == ("BROKEN", 2)
    recall = CNN | {"metric": "recall", "class": "3", "min": 0.5}
    (found,) = findings(RECORDS, recall)
    assert (found.metric, found.verdict) == ("recall of class 3", "ok")
    score = {"data": FINGERPRINT, "model": "svm_grid", "metric": "cv_score", "max": 0.4}
    assert findings([grid(correct(0.9, 0))], score)[0].verdict == "better than expected"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (CNN | {"learning_rat": 1.0}, "did you mean 'learning_rate'"),
        (CNN | {"model": "cn"}, "no model 'cn'.*did you mean 'cnn'"),
        (CNN | {"learning_rate": "fast"}, "its default is 0.001"),
        (CNN | {"batch_size": "any"}, r"differ in params\.batch_size"),
    ],
)
def test_a_threshold_that_selects_what_there_is_not_is_named(findings, tmp_path, entry, words):
    records = [*RECORDS, network("cnn", correct(0.5, 0), batch_size=64)]
    with pytest.raises(BadInput, match=words) as caught:
        findings(records, entry | {"min": 0.5})
    assert str(tmp_path / "t.toml: threshold 1") in str(caught.value)


BASE = f"[[threshold]]\ndata = '{FINGERPRINT}'\nmodel = 'cnn'\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("threshold = 1", "tables"),
        ("[[threshold]]\nmodel = 'cnn'", "needs data, metric"),
        (BASE + "metric = 'test_accuracy'", "min or max"),
        (BASE + "metric = 'test_accuracy'\nmin = '1'", "numbers"),
        (BASE + "metric = 'test_accuracy'\nmin = 1\nepochs = 0", "epochs of cnn is 0"),
        (BASE + "metric = 'test_acuracy'\nmin = 1", "did you mean 'test_accuracy'"),
        (BASE + "metric = 'epoch_s'\nmin = 1", "no metric 'epoch_s'"),
        ("[[threshold]]\ndata = 'hex2024'\nmetric = 'test_accuracy'\nmin = 1", "fingerprint"),
        (BASE.replace("'cnn'", "7") + "metric = 'test_accuracy'\nmin = 1", "needs a model"),
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
    ours = study.load("digit_recognizer")
    by_data = {}
    for threshold in load(ours.thresholds):
        by_data.setdefault(threshold.data, set()).add(threshold.quantity.selection.model)
    assert {"test_accuracy"} <= set(METRICS)
    assert len(by_data) == 2
    assert all(models == {"mlp", "cnn", "svm"} for models in by_data.values())
    assert by_data.keys() <= {known.fingerprint for known in ours.sources.known.values()}
