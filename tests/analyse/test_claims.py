"""The sixteen claims on made-up runs, and what a claim may be."""

import json
import tomllib
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from analyse.runs import manifest_of, runs_of, with_data
from analyse.sound import broken, but, correct, grid, network, svm
from analyse.whole_run import SVM, run
from hexbench import study
from hexbench.analyse.claims import as_json, check, judge, parse
from hexbench.analyse.runs import Ambiguous, Runs
from hexbench.errors import BadInput
from hexbench.models import entries
from hexbench.store.encoding import decode, encode

STUDY = study.load("digit_recognizer")
WHAT, NUMBERS = ("id", "statement", "reported"), ("measured", "low", "high", "level", "n")
FIELDS = {*WHAT, *NUMBERS, "verdict", "reason", "cells", "readings"}


CLAIMS = [replace(claim, reported_train_images=None) for claim in STUDY.claims]
"""Those of the study, whatever the number of images."""


def verdicts(records, reported_images=None, claims=CLAIMS, **more):
    found = judge(claims, runs_of(records, **more), STUDY.rules, reported_images)
    return {verdict.id: verdict for verdict in found}


EXPECTED = {
    "params": "supported",
    "mlp-train-5": "supported",
    "mlp-test": "refuted",
    "cnn-3": "inconclusive",
    "cnn-overfits": "supported",
    "svm-10000": "inconclusive",
    "svm-100": "consistent",
    "svm-simple": "supported",
    "mlp-improves": "supported",
    "svm-slow": "supported",
    "svm-scaling": "supported",
    "cnn-fewer-epochs": "supported",
    "data-hunger": "supported",
    "mlp-slower-than-cnn": "supported",
    "cnn-best": "supported",
    "dataset-size": "refuted",
}


def test_every_claim_has_the_verdict_that_the_records_were_made_for():
    found = verdicts(run())
    assert {name: v.verdict for name, v in found.items()} == EXPECTED
    for name, verdict in found.items():
        assert verdict.reason.endswith(".") and verdict.plain.endswith(".")
        assert name == "dataset-size" or ("made-up" in verdict.reason and verdict.cells)
        assert verdict.low is None or verdict.low <= verdict.measured <= verdict.high


COMPARED = ("mlp-train-5", "mlp-test", "cnn-3")
"""Numbers that the report measured on 75,461 training images."""


def test_numbers_from_far_more_images_are_not_comparable():
    found = verdicts(run(), claims=STUDY.claims)
    assert {n: v.verdict for n, v in found.items()} == EXPECTED | dict.fromkeys(COMPARED, "not comparable")
    for name in COMPARED:
        assert "The report trained on 75,461 images" in found[name].reason
        assert {reading["verdict"] for reading in found[name].readings} <= {"not comparable", "not run"}
    curve = next(d for d in found["cnn-3"].details if d.title == "The learning curve, extrapolated")
    assert "95% prediction interval" in curve.rows[0][1]


def test_every_claim_that_is_no_arithmetic_quotes_the_report_and_has_three_other_readings():
    for claim in STUDY.claims:
        assert claim.quote
        if claim.id not in ("params", "dataset-size"):
            assert claim.read_as
            assert len(claim.readings) >= 3, claim.id
    found = verdicts(run())
    for name, verdict in found.items():
        judged = [reading for reading in verdict.readings if reading["verdict"] != "not run"]
        if judged:
            assert (
                verdict.agreement
                == f"{sum(r['verdict'] == verdict.verdict for r in judged)} of {len(judged)}"
            )
            (readings,) = [d for d in verdict.details if d.title == "Readings"]
            assert len(readings.rows) == len(verdict.readings) + 1, name


def test_better_models_turn_the_verdicts_round():
    found = verdicts(run(cnn=0.98, mlp=0.87))
    assert found["cnn-3"].verdict == found["mlp-test"].verdict == "supported"
    worse = verdicts(run(cnn=0.80, mlp=0.85))
    for name in ("cnn-fewer-epochs", "cnn-best", "data-hunger"):
        assert worse[name].verdict == "refuted", name
    equal = verdicts(run(cnn=SVM))
    assert equal["cnn-best"].verdict == "inconclusive"
    assert "would have been shown in 80% of such runs" in equal["cnn-best"].reason


def test_nothing_measured_is_not_run_and_too_few_seeds_prove_nothing():
    nothing = Counter(verdict.verdict for verdict in verdicts([]).values())
    assert nothing == {"not run": len(STUDY.claims) - 1, "refuted": 1}
    alone = verdicts([r for r in run() if r.seed == 0])
    for name in (
        "mlp-test",
        "cnn-3",
        "cnn-overfits",
        "svm-100",
        "svm-simple",
        "data-hunger",
        "cnn-best",
        "svm-slow",
    ):
        assert alone[name].verdict == "inconclusive", name
        assert alone[name].measured is None, name


def fail(records, **wanted):
    """The records with those failed that have these values."""

    def fits(record):
        return all(getattr(record, name) == value for name, value in wanted.items())

    return [broken(r) if fits(r) else r for r in records]


def test_a_failed_or_missing_cell_does_not_count():
    records = fail(run(), model="cnn", epochs=50, seed=2)
    assert verdicts(records)["cnn-3"].verdict == "inconclusive"


def test_a_verdict_says_how_many_cells_it_does_without_because_they_failed():
    found = verdicts(fail(run(cnn=0.93, seeds=4), model="cnn", epochs=50, seed=2))
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
    largest = verdicts(fail(run(), train_size=7_000))
    assert largest["mlp-test"].verdict == "not run", "smaller sets do not stand for all images"


def test_growth_says_which_sizes_failed():
    records = [broken(r) if r.model == "svm" and r.seed == 1 else r for r in run()]
    assert "Left out: 3 cells that failed." in verdicts(records)["svm-scaling"].reason


def lie(change):
    """What is wrong with the CNN of seed 1 on all images after a change, and the other records."""
    (liar,) = [r for r in run() if (r.model, r.epochs, r.seed) == ("cnn", 50, 1)]
    content = json.loads(encode(liar))
    change(content)
    with pytest.raises(ValueError) as caught:
        decode(json.dumps(content).encode(), liar.key)
    return str(caught.value), [r for r in run() if r.key != liar.key]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda r: r["metrics"].update(test_accuracy=0.99), "confusion matrix"),
        (lambda r: r["history"]["test_accuracy"].__setitem__(2, 0.99), "confusion matrix"),
        (lambda r: r.update(model="mlp"), "its key is not that of"),
        (lambda r: r.update(seed=7), "its key is not that of"),
        (lambda r: r["params"].update(epochs=3), "its key is not that of"),
        (lambda r: r["params"].update(learning_rate=0.01), "its key is not that of"),
        (lambda r: r["subset"].update(size=300), "its key is not that of"),
        (lambda r: r["data"].update(fingerprint="0" * 64), "its key is not that of"),
        (lambda r: r.pop("confusion"), "missing required field `confusion`"),
        (lambda r: r["snapshots"]["3"].update(correct="AAAA"), "correct test images"),
    ],
)
def test_a_planted_lie_is_named_and_counts_as_missing(change, why):
    fault, others = lie(change)
    assert why in fault
    assert verdicts(others)["cnn-3"].verdict == "inconclusive", "two of three seeds are left"


def test_two_models_swapped_in_every_record_are_caught():
    for record in run():
        content = json.loads(encode(record))
        swapped = {"cnn": "mlp", "mlp": "cnn"}.get(content["model"])
        if swapped:
            with pytest.raises(ValueError, match="its key is not that of"):
                decode(json.dumps(content | {"model": swapped}).encode(), record.key)


def test_reasons_say_whose_images_they_are():
    found = verdicts(run(), data=with_data(synthetic=True))
    assert all(v.reason.startswith("software check: ") for v in found.values())
    assert "own images" in verdicts(run(), reported_images=107_802)["cnn-3"].reason
    assert "own images" not in verdicts(run(), reported_images=10_000)["cnn-3"].reason
    assert "own images" not in verdicts(run(), reported_images=107_802)["dataset-size"].reason


def test_verdicts_have_the_fields_of_the_contract():
    found = as_json(verdicts(run()).values())
    assert {frozenset(v) for v in found} == {frozenset(FIELDS)}
    json.dumps(found, allow_nan=False)


def test_all_images_are_those_of_the_data_set_not_of_the_largest_cell():
    found = verdicts(run(), data=with_data(train=70_000, images=100_000))
    assert found["cnn-3"].verdict == found["mlp-test"].verdict == "not run"
    assert found["svm-100"].verdict == "consistent"


TIMED = ("svm-slow", "svm-scaling", "mlp-slower-than-cnn")


def test_times_that_were_disturbed_are_never_judged():
    found = verdicts([but(r, timing_clean=False) for r in run()])
    for claim in TIMED:
        assert found[claim].verdict == "inconclusive", claim
        assert not found[claim].cells
    apart = [but(r, environment=but(r.environment, processor=r.model)) for r in run()]
    assert verdicts(apart)["mlp-slower-than-cnn"].verdict == "inconclusive"


def rows_of(verdict, title):
    (detail,) = [d for d in verdict.details if d.title == title]
    return {row[0]: row[1] for row in detail.rows}


def test_an_accuracy_out_of_reach_is_told_from_a_time_without_a_clean_run():
    title = "Training time to the test accuracy of the SVM"
    assert rows_of(verdicts(run())["svm-slow"], title)["MLP"].startswith("never")
    cells = [but(r, timing_clean=False) if (r.model, r.epochs) == ("cnn", 50) else r for r in run()]
    assert rows_of(verdicts(cells)["svm-slow"], title)["CNN"].startswith("no clean run")


def test_an_svm_on_few_images_has_a_search_of_its_own_where_there_is_one():
    own = [grid(correct(0.8, 200 + seed), seed=seed, train_size=100) for seed in range(3)]
    title = "CNN minus MLP, and SVM minus MLP"
    tuned = rows_of(verdicts(run())["data-hunger"], title)
    searched = rows_of(verdicts([*run(), *own])["data-hunger"], title)
    assert tuned["SVM minus MLP, 100 images"].startswith("+10")
    assert searched["SVM minus MLP, 100 images"].startswith("+28")
    assert searched["CNN minus MLP, 100 images"] == tuned["CNN minus MLP, 100 images"]


PARTS = """
[[claim]]
id = "parts"
statement = "Both are above."
reported = "above"
rule = "above"
bound = 0.0
[[claim.all]]
name = "CNN minus MLP"
difference = [
    { metric = "test_accuracy", model = "cnn", epochs = 3 },
    { metric = "test_accuracy", model = "mlp", epochs = 50 },
]
[[claim.all]]
name = "CNN minus SVM"
difference = [
    { metric = "test_accuracy", model = "cnn", epochs = 3 },
    { metric = "test_accuracy", model = "svm", params_from = "svm_grid" },
]
"""


def three(cnn, mlp, machine):
    records = [svm(correct(machine, 98))]
    for seed in range(3):
        records.append(network("cnn", correct(cnn, seed), seed=seed))
        records.append(network("mlp", correct(mlp, 30 + seed), seed=seed, epochs=50))
    return records


def test_parts_are_supported_at_the_level_of_one_and_refuted_at_the_level_of_all():
    """An intersection-union test: the correction is for refuting, where any part can."""
    both = judged(PARTS, three(0.95, 0.82, 0.92))["parts"]
    assert (both.verdict, both.level) == ("supported", pytest.approx(0.95))
    assert both.measured < 0.05, "the part that is closest to failing decided"
    worse = judged(PARTS, three(0.88, 0.82, 0.92))["parts"]
    assert (worse.verdict, worse.level) == ("refuted", pytest.approx(0.975))
    assert worse.high < 0
    assert "corrected for 2 parts" in worse.reason
    open_one = judged(PARTS, three(0.92, 0.82, 0.92))["parts"]
    assert open_one.verdict == "inconclusive"
    assert abs(open_one.measured) < 0.02, "the row shown is the one that decided"


def test_a_run_that_was_not_evaluated_at_an_epoch_is_not_run():
    records = []
    for record in run():
        if record.history is not None and not record.subset.held_out and record.epochs > 3:
            tested = [a if e != 3 else None for e, a in enumerate(record.history.test_accuracy, 1)]
            record = but(record, history=but(record.history, test_accuracy=tested))  # noqa: PLW2901
        if record.epochs != 3:
            records.append(record)
    assert verdicts(records)["cnn-overfits"].verdict == "not run"


# --- A user's own claims ---

OWN = """
[[claim]]
id = "cnn-3"
statement = "The CNN reaches 98% test accuracy after three epochs."
reported = "98%"
rule = "near"
of = { metric = "test_accuracy", model = "cnn", epochs = 3, train_size = "all" }
value = 0.98
reported_count = [31611, 32347]
reported_train_images = 75461
margin = 0.015
seeds = 3
[[claim.reading]]
name = "two to four epochs"
of = { epochs = 4 }
[[claim]]
id = "cnn-beats-mlp"
statement = "The CNN beats the MLP."
rule = "above"
difference = [
    { metric = "test_accuracy", model = "cnn", epochs = 3 },
    { metric = "test_accuracy", model = "mlp", epochs = 50 },
]
bound = 0.0
"""


def parsed(text, rules=None):
    return parse(tomllib.loads(text).get("claim"), rules or {}, "mine/study.toml")


def judged(text, records, **more):
    return {v.id: v for v in judge(parsed(text), runs_of(records, **more))}


def test_the_claims_of_the_design_page_are_judged():
    found = judged(OWN, run())
    assert found["cnn-3"].verdict == "not comparable", "7,000 training images against 75,461"
    assert "75,461" in found["cnn-3"].reason
    assert found["cnn-3"].measured == pytest.approx(0.951, abs=0.005)
    assert found["cnn-beats-mlp"].verdict == "supported"
    assert found["cnn-3"].readings == [
        {"name": "two to four epochs"}
        | dict.fromkeys(("measured", "low", "high", "level"))
        | {"n": 0, "verdict": "not run"}
    ]
    enough = judged(OWN, run(), data=with_data(train=7_000, images=10_000))
    assert enough["cnn-3"].verdict == "not comparable"
    fewer = OWN.replace("75461", "14000")
    assert judged(fewer, run(cnn=0.93))["cnn-3"].verdict == "refuted"
    assert judged(fewer.replace("14000", "14001"), run())["cnn-3"].verdict == "not comparable"


def test_a_reading_is_the_claim_with_the_keys_that_differ():
    records = [
        network("cnn", correct(0.98, s), seed=s, epochs=4, evaluated={3: correct(0.9, s)}) for s in range(3)
    ]
    text = OWN.replace("reported_train_images = 75461", "")
    found = judged(text, records)["cnn-3"]
    assert found.verdict == "refuted"
    (reading,) = found.readings
    assert (reading["verdict"], reading["n"]) == ("supported", 3)
    assert reading["measured"] > 0.97 > found.measured


def test_what_was_counted_has_an_error_of_its_own():
    """The same share of fewer images: the interval of the difference grows, and decides nothing more."""
    text = OWN.replace("reported_train_images = 75461", "").replace("margin = 0.015", "margin = 0.005")
    records = [network("cnn", correct(0.95, s), seed=s) for s in range(3)]
    many = judged(text.replace("[31611, 32347]", "[9700, 10000]"), records)["cnn-3"]
    few = judged(text.replace("[31611, 32347]", "[97, 100]"), records)["cnn-3"]
    assert (many.verdict, few.verdict) == ("refuted", "inconclusive")
    assert (many.measured, many.low, many.high) == (few.measured, few.low, few.high)
    assert "measured minus reported" in many.reason.lower()


def test_a_reported_count_has_the_error_of_one_run():
    """Its binomial error, and that of one seed: a wide spread over seeds widens what is compared."""
    text = OWN.replace("reported_train_images = 75461", "").replace("margin = 0.015", "margin = 0.005")
    text = text.replace("[31611, 32347]", "[9700, 10000]")
    steady = [network("cnn", correct(0.94, s), seed=s) for s in range(5)]
    varied = [network("cnn", correct(0.94 + 0.02 * (s - 2), s), seed=s) for s in range(5)]
    assert judged(text, steady)["cnn-3"].verdict == "refuted"
    assert judged(text, varied)["cnn-3"].verdict == "inconclusive"


def test_an_equivalence_is_shown_by_two_one_sided_tests():
    """At 5% each, which is the 90% interval: the 95% interval may reach beyond the margin."""
    right = np.arange(3_000) < 2_700
    text = BELOW[BELOW.index('[[claim]]\nid = "recall"') :].replace(
        'metric = "recall", class = "3", model = "cnn"',
        'metric = "test_accuracy", model = "svm", params_from = "svm_grid"',
    )
    near = text.replace('rule = "above"', 'rule = "near"').replace(
        "bound = 0.5", "value = 0.9\nmargin = 0.0098"
    )
    found = judged(near, [svm(right)])["recall"]
    assert found.verdict == "supported"
    assert found.measured - found.low > 0.0098 or found.high - found.measured > 0.0098
    assert "two one-sided tests" in found.reason


def test_test_losses_of_the_same_runs_are_compared_image_by_image():
    rng = np.random.default_rng(0)
    base = rng.exponential(0.3, 3_000)
    records = [
        network(
            "cnn",
            correct(0.9, s),
            seed=s,
            epochs=15,
            evaluated={3: correct(0.9, s)},
            test_loss=[None, None, 0.3, *[None] * 11, 0.35],
            losses={3: base, 15: base + rng.normal(0.05, 0.5, 3_000).clip(-base)},
        )
        for s in range(3)
    ]
    claim = """
[[claim]]
id = "rises"
statement = "It rises."
reported = "rises"
rule = "above"
difference = [
    { metric = "test_loss", model = "cnn", epochs = 15 },
    { metric = "test_loss", model = "cnn", epochs = 3 },
]
bound = 0.0
"""
    found = judged(claim, records)["rises"]
    assert found.measured == pytest.approx(0.05), "the exact difference"
    assert found.high - found.measured > 0.01, "equal differences of three seeds say nothing of the images"


def test_one_seed_of_a_network_decides_only_what_its_luck_cannot():
    def pair(cnn):
        return [network("cnn", correct(cnn, 0)), network("mlp", correct(0.85, 1), epochs=50)]

    assert judged(OWN, pair(0.87))["cnn-beats-mlp"].verdict == "inconclusive"
    assert judged(OWN, pair(0.999))["cnn-beats-mlp"].verdict == "supported"


def test_a_claim_about_cells_that_differ_in_more_than_their_seed_names_itself_and_the_difference():
    text = OWN.replace('model = "cnn", epochs = 3 }', 'model = "cnn", epochs = 3, learning_rate = "any" }')
    slow = [network("cnn", correct(0.9, s), seed=s, learning_rate=0.01) for s in range(3)]
    assert judged(text, run())["cnn-beats-mlp"].verdict == "supported", "there is only one rate"
    with pytest.raises(Ambiguous) as caught:
        judged(text, [*run(), *slow])
    assert str(caught.value) == (
        "mine/study.toml: claim 'cnn-beats-mlp': the cells of cnn, epochs=3, learning_rate=any differ in "
        "params.learning_rate: 0.001 and 0.01."
    )


BELOW = """
[[claim]]
id = "loss"
statement = "The CNN's training loss is below 0.5."
reported = "below 0.5"
rule = "below"
of = { metric = "train_loss", model = "cnn" }
bound = 0.5
seeds = 2
[[claim]]
id = "needs"
statement = "The CNN needs fewer than 2,000 images for 80%."
reported = "few"
rule = "images_needed"
of = { metric = "test_accuracy", model = "cnn", early_stopping = true }
reach = 0.8
bound = 2_000
[[claim]]
id = "sizes"
statement = "At every size the CNN is above 60%."
reported = "above"
rule = "above"
of = { metric = "test_accuracy", model = "cnn", early_stopping = true }
for_each = { fitted = [100, 300, 1_000] }
bound = 0.6
[[claim]]
id = "grim"
statement = "45% of 30 test images."
reported = "45%"
rule = "consistency"
percent = "45%"
count = 30
[[claim]]
id = "grim-43"
statement = "43.3% of 30 test images."
reported = "43.3%"
rule = "consistency"
percent = "43.3%"
count = 30
[[claim]]
id = "recall"
statement = "More than half of the 3s are found."
reported = "half"
rule = "above"
of = { metric = "recall", class = "3", model = "cnn" }
bound = 0.5
"""


def test_the_other_rules():
    found = judged(BELOW, run())
    assert {name: v.verdict for name, v in found.items()} == {
        "loss": "supported",
        "needs": "supported",
        "sizes": "supported",
        "grim": "refuted",
        "grim-43": "consistent",
        "recall": "supported",
    }
    assert "images for 80% (95% CI" in found["needs"].plain
    assert found["sizes"].measured == pytest.approx(0.65, abs=0.02), "the closest to failing"
    tighter = judged(
        BELOW.replace("bound = 2_000", "bound = 320").replace("bound = 0.6", "bound = 0.7"), run()
    )
    assert tighter["needs"].verdict == "refuted"
    assert tighter["sizes"].verdict == "refuted", "one part that fails is enough"
    without = [r for r in run() if not (r.subset.held_out and r.subset.size == 375)]
    assert judged(BELOW, without)["sizes"].verdict == "not run", "every size is asked for"


def test_equal_values_may_be_asked_of_all_lengths_and_sizes():
    records = [network("cnn", correct(0.9, 0), epochs=1), network("cnn", correct(0.9, 0), train_size=100)]
    assert verdicts([*records, network("mlp", correct(0.9, 0))])["params"].verdict == "supported"
    other = but(network("mlp", correct(0.9, 0), seed=1), parameters=9)
    assert verdicts([*records, network("mlp", correct(0.9, 0)), other])["params"].verdict == "refuted"


def test_recall_and_precision_are_those_of_the_confusion_matrix():
    text = BELOW[BELOW.index('[[claim]]\nid = "recall"') :]
    record = svm(correct(0.9, 3))
    asked = text.replace('model = "cnn"', 'model = "svm", params_from = "svm_grid"')
    matrix = record.confusion
    found = judged(asked, [record])["recall"]
    assert found.measured == pytest.approx(matrix[3][3] / sum(matrix[3]))
    assert found.low < found.measured < found.high
    precision = judged(asked.replace('"recall", class', '"precision", class'), [record])["recall"]
    assert precision.measured == pytest.approx(matrix[3][3] / sum(row[3] for row in matrix))
    with pytest.raises(BadInput, match="have no class 'G'"):
        judged(asked.replace('class = "3"', 'class = "G"'), [record])


COUNT, CELLS = "reported_count = [31611, 32347]", "{ metric = 'test_accuracy', model = 'cnn' }"
READING = "'two to four epochs': it has the unknown key 'glamour'"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('rule = "near"', 'rule = "nearly"', "'cnn-3': there is no rule 'nearly'.*did you mean 'near'"),
        ('"test_accuracy", model', '"test_acuracy", model', "did you mean 'test_accuracy'"),
        ("margin = 0.015", "margn = 0.015", "unknown key 'margn'.*did you mean 'margin'"),
        ("margin = 0.015", 'margin = "small"', "claim 'cnn-3': margin is wrong"),
        ("margin = 0.015", "margin = -1", "margin is -1"),
        ("seeds = 3", "seeds = 0", "seeds is 0"),
        ("seeds = 3", "seeds = 1.5", "seeds is wrong"),
        (COUNT, "reported_count = [5, 4]", r"reported_count is \[5, 4\]"),
        (COUNT, "reported_count = [5]", "reported_count is wrong"),
        ("reported_train_images = 75461", "reported_train_images = -5", "images is -5"),
        ('rule = "near"', "", "claim 'cnn-3': it has no rule"),
        ("epochs = 3, train_size", "epochs = 0, train_size", "epochs of cnn is 0"),
        ('train_size = "all"', 'train_size = "most"', "train_size of cnn is 'most'"),
        ("bound = 0.0", "", "claim 'cnn-beats-mlp': the rule above needs bound"),
        ("bound = 0.0", "bound = 0.0\nvalue = 3", "the unknown key 'value'"),
        ("difference = [", f"difference = [ {CELLS},", "needs two selections"),
        ("bound = 0.0", f"bound = 0.0\nof = {CELLS}", "both of and difference"),
        ("bound = 0.0", "bound = nan", "bound is nan"),
        ('id = "cnn-beats-mlp"', 'id = "cnn-3"', "stands there twice"),
        ("of = { epochs = 4 }", "of = { epochs = 4 }\nglamour = 1", READING),
        ('name = "two to four epochs"', "", "needs a name"),
    ],
)
def test_a_claim_that_is_wrong_is_named_with_its_file_its_fault_and_the_nearest_name(old, new, words):
    assert old in OWN
    with pytest.raises(BadInput, match=words) as caught:
        parsed(OWN.replace(old, new, 1))
    assert str(caught.value).startswith("mine/study.toml: claim '")
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"mlp", epochs', '"mpl", epochs', "there is no model 'mpl'.*did you mean 'mlp'"),
        ("epochs = 50 }", "learning_rat = 0.1 }", "did you mean 'learning_rate'"),
        (
            "epochs = 50 }",
            'learning_rate = "fast" }',
            "learning_rate of mlp is 'fast', but its default is 0.001",
        ),
        ("epochs = 50 }", 'params_from = "grid" }', "params_from is 'grid'"),
    ],
)
def test_models_and_hyperparameters_are_checked_once_they_are_known(old, new, words):
    claims = parsed(OWN.replace(old, new, 1))
    with pytest.raises(BadInput, match=words) as caught:
        check(claims, entries())
    assert "claim 'cnn-beats-mlp'" in str(caught.value)
    with pytest.raises(BadInput, match=words):
        judge(claims, runs_of(run()))


def test_claims_that_are_no_tables_are_named():
    for content in (1, [1], {"id": "x"}):
        with pytest.raises(BadInput, match=r"\[\[claim\]\] tables"):
            parse(content, {}, "mine/study.toml")


def test_a_study_may_have_rules_of_its_own_with_typed_options():
    from hexbench.analyse.quantities import Finding

    def always(case, *, word: str):
        return Finding("supported", f"as {word}")

    claim = "[[claim]]\nid = 'x'\nstatement = 's'\nreported = 'r'\nrule = 'always'\n"
    claims = parsed(claim + "word = 'said'", {"always": always})
    (found,) = judge(claims, Runs.of(manifest_of([]), []), {"always": always})
    assert (found.verdict, found.plain) == ("supported", "As said.")
    with pytest.raises(BadInput, match="word is wrong"):
        parsed(claim + "word = 1", {"always": always})
    with pytest.raises(BadInput, match="needs word"):
        parsed(claim, {"always": always})
