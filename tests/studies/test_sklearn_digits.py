"""The second study, whole: suite, claims, thresholds, report."""

import json

SUPPORTED = ("svc-accuracy", "svc-recall-3", "svc-8-and-9", "svm-beats-logistic")


def test_the_second_study_runs_and_is_judged(hexbench, tmp_path):
    done = hexbench("--study", "sklearn_digits", "--suite", "full", "--out", "out")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "out"
    verdicts = {v["id"]: v for v in json.loads((folder / "verdicts.json").read_text())}
    assert {name: verdicts[name]["verdict"] for name in SUPPORTED} == dict.fromkeys(SUPPORTED, "supported")
    assert round(verdicts["svc-accuracy"]["measured"], 2) == 0.97
    assert verdicts["test-half"]["verdict"] == "consistent"
    assert verdicts["cnn-beats-svm"]["verdict"] in ("refuted", "inconclusive")
    assert verdicts["cnn-beats-svm"]["n"] == 3
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["data"]["train"], manifest["data"]["test"]) == (898, 899)
    report = (folder / "report.md").read_text()
    for words in ("Recognizing hand-written digits", "Logistic regression", "0.256"):
        assert words in report
    assert "hexadecimal" not in report
    again = hexbench("check", "out")
    assert (again.returncode, "4 kept." in again.stdout) == (0, True), again.stdout


def test_gamma_on_pixels_of_0_to_1_is_256_times_that_on_raw_ones():
    import numpy as np
    from hexbench.data import digits
    from hexbench.data.dataset import Split
    from hexbench.models import SVMClassifier
    from sklearn.svm import SVC

    data = digits.load()
    train, test = data.parts(Split(0.5, None))
    raw = data.images.reshape(len(data.images), -1)
    theirs = SVC(gamma=0.001).fit(raw[train], data.labels[train]).predict(raw[test])
    model = SVMClassifier(gamma=0.256).fit(data.pixels(train), data.labels[train])
    assert np.array_equal(model.predict(data.pixels(test)), theirs)
    assert len(test) == 899
