import copy
import json
from collections import Counter

import pytest
from analyse.sound import hits, svm
from analyse.whole_run import SVM, run

from bench.analyse.claims import CLAIMS, as_json, judge
from bench.analyse.evidence import Evidence
from bench.plan.spec import GRID

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


def fail(records, **wanted):
    """The records with those failed that have these values."""
    return [
        r | {"status": "failed", "error": "ValueError: no", "metrics": {}, "times": {}}
        if all(r[name] == value for name, value in wanted.items())
        else r
        for r in records
    ]


def test_a_failed_or_missing_cell_does_not_count():
    records = fail(run(), model="cnn", epochs=50, seed=2)
    assert verdicts(records)["cnn-3"].verdict == "inconclusive"


def test_a_verdict_says_how_many_cells_it_does_without_because_they_failed():
    found = verdicts(fail(run(seeds=4), model="cnn", epochs=50, seed=2))
    assert found["cnn-3"].verdict == "refuted", "three seeds are enough"
    assert found["cnn-3"].n == 3
    for name in ("cnn-3", "cnn-overfits", "cnn-fewer-epochs", "cnn-best"):
        assert "Left out: 1 cell that failed." in found[name].reason, name
    for name in ("mlp-test", "svm-100", "dataset-size"):
        assert "failed" not in found[name].reason, name


def test_where_all_cells_failed_the_verdict_says_that_instead_of_not_planned():
    found = verdicts(fail(run(), model="cnn", epochs=50))
    assert found["cnn-3"].verdict == "not run"
    assert "Left out: 3 cells that failed." in found["cnn-3"].reason
    largest = verdicts(fail(run(), train_size=7_000, protocol="nested"))
    assert largest["mlp-test"].verdict == "not run", "smaller sets do not stand for all images"


def test_growth_says_which_sizes_failed():
    found = verdicts(fail(run(), model="svm", protocol="nested", seed=1))
    assert "Left out: 3 cells that failed." in found["svm-scaling"].reason


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
        (lambda r: r.pop("confusion"), "missing required field `confusion`"),
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


def test_the_seed_that_was_named_for_mcnemar_must_be_there():
    without = [r for r in run(seeds=4) if (r["model"], r["seed"]) != ("mlp", 0)]
    found = verdicts(without)["cnn-best"]
    assert found.verdict == "inconclusive"
    assert "seed 0" in found.reason


def test_all_images_are_those_of_the_data_set_not_of_the_largest_cell():
    found = {v.id: v for v in judge(Evidence.of(run(), trained=70_000), "other")}
    assert found["cnn-3"].verdict == found["mlp-test"].verdict == "not run"
    assert found["svm-100"].verdict == "supported"


def test_times_that_were_disturbed_are_never_judged():
    records = [r | {"timing_clean": False} for r in run()]
    found = verdicts(records)
    for claim in ("svm-slow", "svm-scaling", "mlp-slower-than-cnn"):
        assert found[claim].verdict == "inconclusive", claim
        assert not found[claim].cells
    elsewhere = [r | {"machine": r["model"]} for r in run()]
    assert verdicts(elsewhere)["mlp-slower-than-cnn"].verdict == "inconclusive"


def test_an_accuracy_out_of_reach_is_told_from_a_time_without_a_clean_run():
    reason = verdicts(run())["svm-slow"].reason
    assert "the MLP never" in reason
    cells = [
        r | {"timing_clean": False} if (r["model"], r["epochs"]) == ("cnn", 50) else r
        for r in run()
    ]
    assert "the CNN (no clean run)" in verdicts(cells)["svm-slow"].reason


def test_an_svm_on_few_images_has_a_search_of_its_own_where_there_is_one():
    own = [svm(hits(0.8, 200 + seed), seed=seed, train_size=100, fit=GRID) for seed in range(3)]
    assert "100 images the CNN +13" in verdicts(run())["data-hunger"].reason
    assert "the SVM +28" in verdicts([*run(), *own])["data-hunger"].reason.split(";")[0]


def test_a_run_that_was_not_evaluated_at_an_epoch_is_not_run():
    records = run()
    for record in records:
        if record["history"] is not None and record["protocol"] == "nested":
            record["history"]["test_accuracy"][2] = None
            if record["epochs"] > 3:
                record["snapshots"].pop("3", None)
    assert verdicts(records)["cnn-overfits"].verdict == "not run"
