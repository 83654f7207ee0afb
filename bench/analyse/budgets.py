"""Who is ahead at each time budget: test accuracy against seconds of training."""

from dataclasses import dataclass
from statistics import mean
from typing import Any

from bench.analyse.reported import BATCH_SIZE
from bench.analyse.tables import median_time

Row = dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """A way to train a model: on so many images, for so many epochs."""

    model: str
    seconds: float
    """Of training, and of a search for parameters where the setting has one: the median over seeds, of
    clean runs where there are any."""
    accuracy: float
    """On the test images, mean over seeds, 0 to 1."""


def settings(rows: list[Row]) -> list[Setting]:
    """Every setting that was tried at the report's batch size, by seconds."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        if row["protocol"] == "nested" and row["batch_size"] in (None, BATCH_SIZE):
            key = (row["model"], row["fit"], row["train_size"], row["epochs"])
            groups.setdefault(key, []).append(row)
    found = []
    for (model, *_), group in groups.items():
        search = median_time(group, "search_s") or 0.0
        seconds = median_time(group, "train_s")
        if seconds is not None and all(r["test_accuracy"] is not None for r in group):
            found.append(Setting(model, search + seconds, mean(r["test_accuracy"] for r in group)))
    return sorted(found, key=lambda setting: setting.seconds)


def frontier(found: list[Setting], model: str) -> list[Setting]:
    """A model's settings that no quicker one of it equals: what it can reach in a time.

    Chosen by test accuracy among what was tried: a reading aid and no estimate.
    """
    best: list[Setting] = []
    for setting in found:
        if setting.model == model and (not best or setting.accuracy > best[-1].accuracy):
            best.append(setting)
    return best


def winners(found: list[Setting]) -> list[tuple[float, str]]:
    """(seconds, model): from that budget on the model is ahead, until the next entry."""
    ahead: list[tuple[float, str]] = []
    top = 0.0
    for setting in found:
        if setting.accuracy > top:
            top = setting.accuracy
            if not ahead or ahead[-1][1] != setting.model:
                ahead.append((setting.seconds, setting.model))
    return ahead
