"""The tables of a run: ratios and targets at a glance, and one table for each contest."""

from statistics import median

from bench.analyse.tables import NONE, Table
from bench.peers.contest import Outcome, Result
from bench.peers.peak import operations_per_image
from bench.peers.roster import OURS
from bench.peers.verdicts import compare_accuracies, ratio, targets, times

IDLE = {True: "was otherwise idle", False: "was not otherwise idle", None: "may have been busy"}


def headline(outcomes: list[Outcome]) -> list[Table]:
    """The summaries and the targets."""
    networks, machines = _by_kind(outcomes)
    tables = [
        _summary(
            "Training beside other libraries",
            "An epoch's time as a multiple of hexbench's: median over the rounds and (range).",
            networks,
        ),
        _summary(
            "Grid search beside scikit-learn",
            "The time of a grid search of 32 points in 5 folds as a multiple of hexbench's: median "
            "over the rounds and (range).",
            machines,
        ),
        _targets(outcomes),
    ]
    return [table for table in tables if table.rows]


def details(outcomes: list[Outcome], peak: float | None) -> list[Table]:
    """One table for each contest. `peak` is in operations a second, None if it is not known."""
    networks, machines = _by_kind(outcomes)
    tables = [
        *(_network_details(outcome, peak) for outcome in networks),
        *(_machine_details(outcome) for outcome in machines),
    ]
    return [table for table in tables if table.rows]


def _by_kind(outcomes: list[Outcome]) -> tuple[list[Outcome], list[Outcome]]:
    """The contests of networks and those of SVMs."""
    machines = [o for o in outcomes if o.setting.model == "svm"]
    return [o for o in outcomes if o not in machines], machines


def _summary(title: str, note: str, outcomes: list[Outcome]) -> Table:
    """One row a contestant, one column a contest."""
    titles = dict.fromkeys(r.entry.title for o in outcomes for r in o.results)
    rows = []
    for name in titles:
        cells = []
        for outcome in outcomes:
            found = next((r for r in outcome.results if r.entry.title == name), None)
            cells.append(_ratio_words(found, outcome) if found else NONE)
        rows.append((name, *cells))
    return Table(title, note, ("contestant", *(o.setting.title for o in outcomes)), rows)


def _ratio_words(result: Result, outcome: Outcome) -> str:
    if result.error is not None:
        return "failed"
    if outcome.ours is None:
        return NONE
    return "1" if result.entry.name == OURS else str(ratio(result, outcome.ours))


def _targets(outcomes: list[Outcome]) -> Table:
    rows = [
        (
            t.setting,
            t.peer,
            f"{t.at_least:g}",
            NONE if t.measured is None else times(t.measured.median),
            NONE if t.measured is None else t.measured.range,
            t.verdict,
        )
        for t in targets(outcomes)
    ]
    return Table(
        "Targets",
        "A peer's time as a multiple of hexbench's: the median over the rounds should be at least "
        "the target.",
        ("contest", "contestant", "target", "measured", "range", "verdict"),
        rows,
    )


def _network_details(outcome: Outcome, peak: float | None) -> Table:
    setting, ours = outcome.setting, outcome.ours
    comparisons = {c.result.entry.name: c for c in compare_accuracies(outcome)}
    rows = []
    for r in outcome.finished:
        seconds = median(r.seconds)
        rate = setting.images / seconds
        share = None if peak is None else 100 * rate * operations_per_image(setting.model) / peak
        comparison = comparisons.get(r.entry.name)
        rows.append(
            (
                r.entry.title,
                _ratio_words(r, outcome),
                f"{seconds:.3g}",
                f"{rate:,.0f}",
                NONE if share is None else f"{share:.2g}",
                f"{r.start_s:.1f}",
                NONE if ours is None else f"{r.start_s / ours.start_s:.2f}",
                f"{r.memory_mb:,.0f}",
                f"{100 * r.accuracy:.1f}",
                NONE if comparison is None else f"{100 * comparison.difference:+.1f}",
            )
        )
    return Table(
        setting.title,
        f"{setting.images:,} training images; {_conditions(outcome)} Time is the median over the "
        "rounds of the ratio to hexbench, and (range); seconds are the median epoch's. The peak's "
        "share counts the operations of a plain convolution. Start-up is building, compiling and the "
        f"first epoch. Accuracy is on {outcome.tested:,} test images after {setting.rounds + 1} "
        f"epochs. {_accuracy_words(outcome)}",
        (
            "contestant", "time, hexbench = 1", "s / epoch", "images / s", "% of peak", "start-up s",
            "start-up, hexbench = 1", "memory MB", "test accuracy %", "beside the others",
        ),
        rows,
    )  # fmt: skip


def _machine_details(outcome: Outcome) -> Table:
    setting, ours = outcome.setting, outcome.ours
    rows = [
        (
            r.entry.title,
            _ratio_words(r, outcome),
            f"{median(r.seconds):.3g}",
            f"{r.start_s:.1f}",
            NONE if ours is None else f"{r.start_s / ours.start_s:.2f}",
            f"{r.memory_mb:,.0f}",
            r.facts["chosen"],
            f"{100 * r.facts['cross_validation']:.2f}",
            f"{100 * r.accuracy:.1f}",
        )
        for r in outcome.finished
    ]
    return Table(
        setting.title,
        f"{setting.images:,} training images; {_conditions(outcome)} Time is the median over the "
        "rounds of the ratio to hexbench, and (range); a search ends with the fit of the chosen point "
        "on all images. Start-up is a search on few images. Memory is of all its processes together. "
        f"Accuracy is on {outcome.tested:,} test images. {_accuracy_words(outcome)}",
        (
            "contestant", "time, hexbench = 1", "s / search", "start-up s", "start-up, hexbench = 1",
            "memory MB", "chosen", "cross-validation %", "test accuracy %",
        ),
        rows,
    )  # fmt: skip


def _conditions(outcome: Outcome) -> str:
    rounds = outcome.setting.rounds
    many = "1 round" if rounds == 1 else f"{rounds} rounds"
    return f"{many} on a machine that {IDLE[outcome.clean]}."


def _accuracy_words(outcome: Outcome) -> str:
    comparisons = compare_accuracies(outcome)
    if not comparisons:
        return "There is nobody to hold the accuracy against."
    allowed = f"{100 * comparisons[0].allowed:.1f} points"
    unlike = [c.result.entry.title for c in comparisons if not c.alike]
    if unlike:
        return f"**Not all learned alike:** more than {allowed} off are {'; '.join(unlike)}."
    return f"All learned alike: within {allowed} of the median of the others."
