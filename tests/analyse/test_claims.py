import copy
import json
from collections import Counter

import pytest
from analyse.whole_run import SVM, run

from bench.analyse.claims import CLAIMS, as_json, judge
from bench.analyse.evidence import Evidence

FIELDS = (
    "id", "statement", "reported", "measured", "low", "high", "n", "verdict", "reason", "cells",
)  # fmt: skip


def verdicts(records, kind="other"):
    return {verdict.id: verdict for verdict in judge(Evidence.of(records), kind)}


EXPECTED = {
    "params": "supported", "mlp-train-5": "supported", "mlp-test": "refuted", "cnn-3": "refuted",
    "cnn-overfits": "supported", "svm-10000": "supported", "svm-100": "supported",
    "svm-simple": "supported", "mlp-improves": "supported", "svm-slow": "supported",
    "svm-scaling": "supported", "cnn-fewer-epochs": "supported", "data-hunger": "supported",
    "mlp-slower-than-cnn": "refuted", "cnn-best": "supported", "dataset-size": "refuted",
}  # fmt: skip


def test_every_claim_has_the_verdict_that_the_records_were_made_for():
    found = verdicts(run())
    assert {name: v.verdict for name, v in found.items()} == EXPECTED
    for name, verdict in found.items():
        assert verdict.reason.endswith(".")
        assert name == "dataset-size" or ("made-up" in verdict.reason and verdict.cells)
        assert verdict.low is None or verdict.low <= verdict.measured <= verdict.high


def test_better_models_turn_the_verdicts_round():
    found = verdicts(run(cnn=0.98, mlp=0.87))
    assert found["cnn-3"].verdict == found["mlp-test"].verdict == "supported"
    worse = verdicts(run(cnn=0.80, mlp=0.85))
    for name in ("cnn-fewer-epochs", "cnn-best", "data-hunger"):
        assert worse[name].verdict == "refuted", name
    equal = verdicts(run(cnn=SVM))
    assert equal["cnn-best"].verdict == "inconclusive"


def test_nothing_measured_is_not_run_and_too_few_seeds_prove_nothing():
    nothing = Counter(verdict.verdict for verdict in judge(Evidence.of([]), "other"))
    assert nothing == {"not run": len(CLAIMS) - 1, "refuted": 1}
    alone = verdicts([r for r in run() if r["seed"] == 0])
    for name in (
        "mlp-test",
        "cnn-3",
        "cnn-overfits",
        "svm-100",
        "data-hunger",
        "cnn-best",
        "svm-slow",
    ):
        assert alone[name].verdict == "inconclusive", name


def test_a_failed_or_missing_cell_does_not_count():
    records = run()
    for record in records:
        if record["model"] == "cnn" and record["epochs"] == 50 and record["seed"] == 2:
            record["status"] = "failed"
    assert verdicts(records)["cnn-3"].verdict == "inconclusive"


def lie(records, change):
    """The records with the CNN of seed 1 on all images changed."""
    records = copy.deepcopy(records)
    (liar,) = [r for r in records if (r["model"], r["epochs"], r["seed"]) == ("cnn", 50, 1)]
    change(liar)
    return records, liar["key"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda r: r["metrics"].update(test_accuracy=0.99), "confusion matrix"),
        (lambda r: r["snapshots"]["3"].update(accuracy=0.99), "confusion matrix"),
        (lambda r: r.update(model="mlp"), "model is not that of its specification"),
        (lambda r: r.update(seed=7), "seed is not that of its specification"),
        (lambda r: r["spec"].update(epochs=3), "key is not that of its specification"),
        (lambda r: r["data"].update(fingerprint="0" * 64), "key is not that of its specification"),
        (lambda r: r.pop("confusion"), "damaged"),
        (lambda r: r["snapshots"]["3"].update(right="AAAA"), "damaged"),
    ],
)
def test_a_planted_lie_is_named_and_counts_as_missing(change, why):
    records, key = lie(run(), change)
    assert why in Evidence.of(records).left_out[key]
    found = verdicts(records)["cnn-3"]
    assert found.verdict == "inconclusive", "two of three seeds are left"
    assert key not in found.cells


def test_two_models_swapped_in_every_record_are_caught():
    records = run()
    for record in records:
        record["model"] = {"cnn": "mlp", "mlp": "cnn"}.get(record["model"], record["model"])
    assert verdicts(records)["cnn-best"].verdict == "not run"


def test_reasons_say_whose_images_they_are():
    found = verdicts(run(), "synthetic")
    assert all(v.reason.startswith("software check: ") for v in found.values())
    assert "own images" in verdicts(run(), "other")["cnn-3"].reason
    assert "own images" not in verdicts(run(), "course")["cnn-3"].reason


def test_verdicts_have_the_fields_of_the_contract():
    found = as_json(judge(Evidence.of(run()), "other"))
    assert {frozenset(v) for v in found} == {
        frozenset(
            [
                "id",
                "statement",
                "reported",
                "measured",
                "low",
                "high",
                "n",
                "verdict",
                "reason",
                "cells",
            ]
        )
    }
    json.dumps(found, allow_nan=False)
