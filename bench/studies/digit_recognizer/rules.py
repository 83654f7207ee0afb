"""Rules that only this report needs: times to an equal accuracy, and hours that were not spent here.

What imports NumPy waits inside the functions, so that the study is loaded quickly.
"""

from math import inf
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from hexbench.analyse.groups import Group
    from hexbench.analyse.quantities import Case, Finding


def seconds_to_accuracy(case: "Case", *, target: dict[str, Any]) -> "Finding":
    """Median seconds of training, on clean runs, to the mean test accuracy of the cells of `target`.

    Up to the first evaluated epoch with that mean accuracy.
    """
    import numpy as np
    from hexbench.analyse.estimates import not_run
    from hexbench.analyse.quantities import Finding
    from hexbench.analyse.selections import selection

    goal = case.runs.select(selection(target))
    group = case.quantity.cells(case.runs)
    if not goal.records or not group.records:
        return not_run(case.quantity, case.runs, [group])
    level = float(np.mean(goal.metric("test_accuracy")))
    seconds = _seconds_to(group, level)
    words = "no clean run" if seconds is None else f"{seconds:.3g} s"
    said = f"{'never' if seconds == inf else words} (to {100 * level:.1f}%)"
    return Finding("", said, groups=[group])


def _seconds_to(group: "Group", level: float) -> float | None:
    """Infinity where there is no such epoch, None where no run was clean."""
    import numpy as np

    epochs = [set(r.history.epoch if r.history else ()) for r in group.records]
    for epoch in sorted(set.intersection(*epochs)):
        if np.mean(group.metric("test_accuracy", epoch)) >= level:
            seconds = group.clean.at(epoch).seconds("train_s")
            return float(np.median(seconds)) if seconds else None
    return inf


def seconds_of_search_and_fit(case: "Case", *, target: dict[str, Any]) -> "Finding":
    """Seconds of the search that `target` selects, and of one fit."""
    from hexbench.analyse.estimates import not_run
    from hexbench.analyse.quantities import Finding
    from hexbench.analyse.selections import selection

    search = case.runs.select(selection(target)).clean.seconds("search_s")[:1]
    group = case.quantity.cells(case.runs)
    fit = group.clean.seconds("train_s")[:1]
    if not group.records:
        return not_run(case.quantity, case.runs, [group])
    said = f"{search[0] + fit[0]:.3g} s" if search and fit else "no clean run"
    return Finding("", said, groups=[group])


def extrapolated_hours(case: "Case", *, images: int) -> "Finding":
    """What the fitted growth says of so many images, split again, on which nothing was run."""
    from hexbench.analyse.estimates import not_run
    from hexbench.analyse.intervals import NUMBER, Estimate
    from hexbench.analyse.quantities import Finding
    from hexbench.analyse.scaling import law_of

    groups = [group for _, group in case.runs.found(case.quantity.selection)]
    law, _ = law_of([r for group in groups for r in group.records], case.quantity.metric)
    if law is None:
        return not_run(case.quantity, case.runs, groups, " at three sizes")
    size = images - case.runs.manifest.split.parts.tested(images)
    hours, low, high = (seconds / 3600 for seconds in (law(size), *law.predicted(size)))
    said = f"{hours:.2g} h (95% prediction interval {low:.2g}-{high:.2g} h)"
    return Finding("", "", Estimate(hours, low, high), NUMBER, len(law.points), groups, said=said)


CONTEST = "peers"
"""The folder of `make peers`, beside that of the results."""


def contest_ratio(
    case: "Case", *, contestant: str, first: dict[str, Any], second: dict[str, Any], bound: float
) -> "Finding":
    """Whether so many epochs of one network take longer than of another, by another library's speeds.

    From the contest that lies beside the results, if it ran on the same machine.
    """
    import numpy as np
    from hexbench.analyse import intervals
    from hexbench.analyse.decisions import decide_above
    from hexbench.analyse.quantities import NOT_RUN, Finding

    folder = None if case.runs.folder is None else case.runs.folder.resolve().parent / CONTEST
    seconds = {} if folder is None else _seconds_of_epochs(folder, contestant, case)
    sides = [np.array(seconds.get(one["model"], [])) * one["epochs"] for one in (first, second)]
    if min(map(len, sides)) < 2:
        return Finding(NOT_RUN, f"no contest with {contestant} on this machine lies beside these results")
    found = intervals.ratio(sides[0].tolist(), sides[1].tolist(), case.level)
    reason = f"by {contestant} in the contest beside these results"
    rounds = min(map(len, sides))
    return Finding(
        decide_above(found, bound),
        reason,
        found,
        intervals.TIMES,
        rounds,
        distance=found.low - bound,
        counted="rounds",
        target=bound,
        room=abs(found.value - bound),
    )


def _seconds_of_epochs(folder: "Path", contestant: str, case: "Case") -> dict[str, list[float]]:
    """By network, with batches of 16; empty where there is no contest of this machine."""
    import csv
    import json

    try:
        page = (folder / "report.md").read_text(encoding="utf-8")
        with (folder / "rounds.csv").open(encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["contestant"] == contestant]
        environment = json.loads(page.split("```json\n")[1].split("```")[0])
        found: dict[str, list[float]] = {}
        for row in rows:
            if row["batch_size"] == BATCH_SIZE:
                found.setdefault(row["model"], []).append(float(row["seconds"]))
    except (OSError, ValueError, LookupError):
        return {}
    machines = {(r.environment.processor, r.environment.usable_cores) for r in case.runs.done}
    return found if machines == {(environment.get("processor"), environment.get("usable_cores"))} else {}


BATCH_SIZE = "16"
RULES = {
    "contest_ratio": contest_ratio,
    "seconds_to_accuracy": seconds_to_accuracy,
    "seconds_of_search_and_fit": seconds_of_search_and_fit,
    "extrapolated_hours": extrapolated_hours,
}
