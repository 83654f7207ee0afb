"""The report's statements as claims, in one table, and the verdict that a run's records give on each.

A claim's rule, its margin and its smallest number of seeds are fixed here, before anything is
measured; `bench/analyse/rules.py` says what the rules do.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from bench.analyse.comparisons import (
    best_of_all,
    better_in_fewer_epochs,
    improves_each_epoch,
    overfits,
    simpler_tasks,
    svm_about,
    svm_draws_around,
)
from bench.analyse.durations import (
    grows_faster_than_images,
    slower_as_reported,
    slower_epochs,
)
from bench.analyse.evidence import Evidence
from bench.analyse.hunger import needs_more_images
from bench.analyse.rules import (
    REFUTED,
    Finding,
    Rule,
    count,
    number,
    parameters_are,
    percent,
    points,
    signed,
    test_accuracy_about,
    times,
    train_accuracy_about,
)
from bench.analyse.statistics import Estimate
from bench.data.paper import IMAGES_IN_FULL, REPORT_COUNTS

Unit = Callable[[Estimate], str]

STATED_IMAGES = 111_399
TEST_PART = sum(REPORT_COUNTS)
"""Images that the report's figure 4 holds: 30% of all."""


@dataclass(frozen=True)
class Claim:
    """A statement of the report and the rule that judges it."""

    id: str
    statement: str
    reported: str
    rule: Rule
    measures: str = ""
    """What its number is, with `{}` for the number and its interval; if not given, the reason says it."""
    unit: Unit = percent
    about_data: bool = True
    """Whether other images could give another verdict."""


@dataclass(frozen=True)
class Verdict:
    """What a rule says of a run's cells; an entry of `verdicts.json`."""

    id: str
    statement: str
    reported: str
    measured: float | None
    low: float | None
    high: float | None
    n: int
    verdict: str
    reason: str
    cells: list[str]
    plain: str
    """What was measured, in one short sentence; not in `verdicts.json`."""


def dataset_size(_: Evidence) -> Finding:
    """Whether the report's own numbers agree; no run is needed."""
    whole = TEST_PART / 0.3
    reason = (
        f"by the report's own numbers: its figure 4 holds {TEST_PART:,} test images (read from a scan), 30% "
        f"of about {whole:,.0f} and not of {STATED_IMAGES:,}; the same file is elsewhere described as "
        f"{IMAGES_IN_FULL:,} images, of which 30% are 32,341. Besides, 45% of 30 test images is no whole "
        "number (13 are 43.3%, 14 are 46.7%), and the text has ten output units where the code has 17"
    )
    return Finding(REFUTED, reason, whole, whole, whole)


CLAIMS = (
    Claim("params", "The two networks have so many parameters.", "4,197 and 158,385",
          parameters_are({"mlp": 4_197, "cnn": 158_385}), about_data=False),
    Claim("mlp-train-5", "The neural network reads 84% of the training images after 5 epochs.", "84%",
          train_accuracy_about("mlp", 5, 0.84, seeds=3), "{} of the training images"),
    Claim("mlp-test", "The neural network reads 88% of the test images.", "88%",
          test_accuracy_about("mlp", 50, 0.88, seeds=3), "{} of the test images after 50 epochs"),
    Claim("cnn-3", "The CNN reads 98% after three epochs.", "98%",
          test_accuracy_about("cnn", 3, 0.98, seeds=3), "{} of the test images after 3 epochs"),
    Claim("cnn-overfits", "With more epochs the CNN overfits.", "test loss rises",
          overfits(3, 15, seeds=3), "from epoch 3 to 15 the test loss changes by {}", signed),
    Claim("svm-10000", "The SVM reads 92%, on 10,000 images.", "92%", svm_about(10_000, 0.92),
          "{} of the test images"),
    Claim("svm-100", "The SVM reads 45%, on 100 images.", "45%", svm_draws_around(100, 0.45, draws=40),
          "{} is the middle of the draws, with 95% of them in brackets"),
    Claim("svm-simple", "SVMs are valuable for simpler tasks.", "as good as a CNN",
          simpler_tasks(margin=0.01, seeds=5), "SVM less CNN, where it does worst: {}", points),
    Claim("mlp-improves", "After each epoch the neural network gets more precise.", "each epoch",
          improves_each_epoch("mlp", 50, share=0.95, seeds=3),
          "{} of the epochs raise the training accuracy"),
    Claim("svm-slow", "Training the SVM takes much longer.", "much longer",
          slower_as_reported(300, stated=10_000, much=2.0),
          "on 300 images the grid search takes {} as long as the slower network", times),
    Claim("svm-scaling", "The SVM's training time grows faster than the number of images.",
          "faster than n", grows_faster_than_images(), "one fit takes n to the power of {}", number),
    Claim("cnn-fewer-epochs", "The CNN needs fewer epochs and ends better.", "3 against 50 epochs",
          better_in_fewer_epochs(3, 50, seeds=3), "CNN after 3 epochs less MLP after 50: {}",
          points),
    Claim("data-hunger", "The neural network needs many images; CNN and SVM do with few.",
          "many against few", needs_more_images("mlp", ("cnn", "svm"), seeds=3),
          "CNN or SVM less MLP, where they are closest: {}", points),
    Claim("mlp-slower-than-cnn", "Neural networks often take longer to train, CNNs are faster.",
          "longer", slower_epochs("mlp", "cnn"), "an epoch of the MLP takes {} as long as one of the CNN",
          times),
    Claim("cnn-best", "The CNN is the right choice.", "best of three", best_of_all(seeds=3),
          "CNN less its closest rival: {}", points),
    Claim("dataset-size", "The data set has 111,399 images.", "111,399", dataset_size,
          "{}, by the report's own figure 4", count, about_data=False),
)  # fmt: skip


def kind_of(data: dict[str, Any]) -> str:
    """Whose images a manifest's are: `synthetic`, the `course`'s own file, or `other`."""
    if data["synthetic"]:
        return "synthetic"
    own = data["images"] == IMAGES_IN_FULL and data["name"] != "emnist"
    return "course" if own else "other"


def judge(evidence: Evidence, kind: str) -> list[Verdict]:
    """A verdict on every claim; `kind` is that of `kind_of`, which a reason has to say."""
    verdicts = []
    for claim in CLAIMS:
        evidence.missed.clear()
        found = claim.rule(evidence)
        verdicts.append(
            Verdict(
                id=claim.id,
                statement=claim.statement,
                reported=claim.reported,
                measured=_finite(found.measured),
                low=_finite(found.low),
                high=_finite(found.high),
                n=found.n,
                verdict=found.verdict,
                reason=_in_full(claim, found, evidence, kind),
                cells=list(found.keys),
                plain=_plain(claim, found),
            )
        )
    return verdicts


def as_json(verdicts: Iterable[Verdict]) -> list[dict[str, Any]]:
    """The content of `verdicts.json`."""
    entries = [asdict(verdict) for verdict in verdicts]
    return [{name: entry[name] for name in entry if name != "plain"} for entry in entries]


def _plain(claim: Claim, found: Finding) -> str:
    value, low, high = _finite(found.measured), _finite(found.low), _finite(found.high)
    if value is None or low is None or high is None or not claim.measures:
        return found.reason[0].upper() + found.reason[1:] + "."
    words = claim.measures.format(claim.unit(Estimate(value, low, high)))
    return words[0].upper() + words[1:] + "."


def _in_full(claim: Claim, found: Finding, evidence: Evidence, kind: str) -> str:
    reason = found.reason[0].upper() + found.reason[1:]
    by_runs = found.keys or found.measured is None
    parts = [reason, f"On {evidence.about}"] if by_runs else [reason]
    if evidence.missed:
        count = len(evidence.missed)
        parts.append(f"Left out: {count} cell{'s' if count > 1 else ''} that failed")
    if claim.about_data and kind == "other":
        parts.append("Not the course's own images, so that the report may be right on those")
    start = "software check: " if kind == "synthetic" else ""
    return start + ". ".join(parts) + "."


def _finite(value: float | None) -> float | None:
    return value if value is not None and abs(value) < float("inf") else None
