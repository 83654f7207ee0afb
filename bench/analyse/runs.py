"""The records of a run as one table, and the one way to ask it for cells.

A setting is all that a measurement depends on but its seed. Tables, figures, rules, `check` and
`compare` ask `Runs` for groups of cells with one setting; a selection whose cells differ in anything
but the seed is an error that names the difference, never a mean over both.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from hexbench.analyse import intervals
from hexbench.analyse.groups import (
    ANY,
    FIELDS,
    LARGEST,
    METRICS,
    OTHER_METRICS,
    RANDOM,
    TIMES,
    Group,
    Selection,
    Setting,
    fault_of_selection,
)
from hexbench.analyse.intervals import Prior, Spread
from hexbench.errors import BadInput
from hexbench.models import entries
from hexbench.plan.cell import Value, shown
from hexbench.store.manifest import Manifest, ModelFacts
from hexbench.store.record import Done, Failed, Record

__all__ = ("METRICS", "OTHER_METRICS", "TIMES", "Ambiguous", "Group", "Runs", "Selection", "Setting")


class Ambiguous(BadInput):
    """A selection holds cells that differ in more than their seed."""


class _Cells(NamedTuple):
    """Cells that differ in their seed alone, at every epoch at which they were evaluated."""

    values: dict[str, Value]
    """Of their setting."""
    groups: dict[int | None, Group]


@dataclass(frozen=True)
class Runs:
    """The records of one run, by what they measured."""

    done: Sequence[Done]
    """In the order of the run."""
    failed: Sequence[Failed]
    manifest: Manifest
    folder: Path | None = None
    """Where the results lie, if they do."""

    @classmethod
    def of(cls, manifest: Manifest, records: Iterable[Record], folder: Path | None = None) -> "Runs":
        """Those records that are about the manifest's data."""
        places = {key: place for place, key in enumerate(manifest.cells)}
        own = [r for r in records if r.data.fingerprint == manifest.data.fingerprint]
        own.sort(key=lambda record: places.get(record.key, len(places)))
        done = [record for record in own if isinstance(record, Done)]
        return cls(done, [record for record in own if isinstance(record, Failed)], manifest, folder)

    def facts(self, model: str) -> ModelFacts:
        """What is known of a model; of one that nobody knows, its name."""
        known = self.manifest.models.get(model)
        entry = None if known else entries().get(model)
        return known or (ModelFacts.of(entry) if entry else ModelFacts(model))

    def label(self, model: str) -> str:
        """How tables call a model."""
        return self.facts(model).label

    @cached_property
    def models(self) -> list[str]:
        """The models that there are cells of, in the order of the run."""
        return list(dict.fromkeys(r.model for r in (*self.done, *self.failed)))

    @cached_property
    def cells(self) -> dict[Setting, list[Done]]:
        """The measured cells by setting, whatever the epoch: `epochs` of the settings is None."""
        found: dict[Setting, list[Done]] = {}
        for record in self.done:
            found.setdefault(self.setting(record), []).append(record)
        return found

    @cached_property
    def groups(self) -> dict[Setting, Group]:
        """Every setting and evaluated epoch that was measured, or that failed, with its cells."""
        return {
            setting._replace(epochs=epoch): group
            for setting, cells in self._cells.items()
            for epoch, group in cells.groups.items()
        }

    @cached_property
    def merged(self) -> dict[Setting, Group]:
        """The same, with the cells of all random splits but the study's own as one group, split RANDOM."""
        found: dict[Setting, Group] = {}
        named: dict[Setting, Setting] = {}
        for setting, group in self.groups.items():
            if setting.split in (self.manifest.split.split, "given"):
                found[setting] = group
                continue
            # Each split has a search of its own: the first's name stands for all.
            alike = setting._replace(split=RANDOM, params_from=None)
            name = named.setdefault(alike, setting._replace(split=RANDOM))
            old = found.get(name, Group([], group.epoch))
            records, failed = [*old.records, *group.records], [*old.failed, *group.failed]
            found[name] = Group(records, group.epoch, failed)
        return found

    @cached_property
    def _cells(self) -> dict[Setting, _Cells]:
        """By setting, whatever the epoch."""
        done: dict[Setting, dict[int | None, dict[int, Done]]] = {}
        failed: dict[Setting, dict[int | None, list[Failed]]] = {}
        for setting, records in self.cells.items():
            by_epoch = done.setdefault(setting, {})
            for record in sorted(records, key=lambda r: r.epochs or 0):
                for epoch in _evaluated(record):
                    by_epoch.setdefault(epoch, {})[record.seed] = record
        for failure in self.failed:
            of_epoch = failed.setdefault(self.setting(failure), {})
            for epoch in _planned(failure):
                of_epoch.setdefault(epoch, []).append(failure)
        return {
            setting: _Cells(
                setting.values() | {"fitted": setting.fitted},
                _groups(done.get(setting, {}), failed.get(setting, {})),
            )
            for setting in (done | failed)
        }

    @cached_property
    def _by_model(self) -> dict[str, list[tuple[Setting, _Cells]]]:
        found: dict[str, list[tuple[Setting, _Cells]]] = {}
        for setting, cells in self._cells.items():
            found.setdefault(setting.model, []).append((setting, cells))
        return found

    def setting(self, record: Record) -> Setting:
        """What a cell measures, whatever the epoch."""
        mergeable = self.facts(record.model).longer_contains_shorter and not record.subset.held_out
        apart = ("epochs", *record.chosen)
        return Setting(
            record.model,
            tuple((name, value) for name, value in record.params.items() if name not in apart),
            None,
            None if mergeable else record.planned_epochs,
            record.subset,
            record.split,
            record.test_size,
            record.params_from,
            record.varied,
        )

    def select(self, selection: Selection) -> Group:
        """The cells of a selection, one a seed: of several with one seed the one trained longest.

        Empty where there are none. Ambiguous where they differ in more than their seed.
        """
        found = self.found(selection)
        if len(found) > 1:
            first, *others = [setting for setting, _ in found]
            names = sorted({name for other in others for name in first.differences(other)})
            values = sorted({shown(s.values().get(names[0])) for s, _ in found})
            raise Ambiguous(f"the cells of {selection} differ in {', '.join(names)}: {' and '.join(values)}.")
        return found[0][1] if found else Group([])

    def on_splits(self, selection: Selection) -> Group:
        """The cells of a selection on random splits other than the study's own, whatever their seeds.

        Empty where the selection names a split, or draws test images by seed anyway. Ambiguous where they
        differ in more than split and seed.
        """
        if {"split", "images", "classes"} & selection.wanted.keys():
            return Group([])
        own = self.manifest.split.split
        found = [(s, g) for s, g in self.found(selection.but(split=ANY)) if s.split not in (own, "given")]
        alike = {setting._replace(split=own, params_from=None) for setting, _ in found}
        if len(alike) > 1:
            first, *others = alike
            names = sorted({name for other in others for name in first.differences(other)})
            raise Ambiguous(f"the cells of {selection} on random splits differ in {', '.join(names)}.")
        groups = [group for _, group in found]
        failed = [failure for group in groups for failure in group.failed]
        records = [record for group in groups for record in group.records]
        return Group(records, groups[0].epoch if groups else None, failed)

    @cached_property
    def priors(self) -> dict[str, Prior | None]:
        """By model: how its test accuracy differs by seed, from all its settings on the study's split.

        Of a model with anything random in it whose settings do not tell, UNKNOWN.
        """
        spreads: dict[str, list[tuple[float, Spread]]] = {model: [] for model in self.models}
        for setting, cells in self._cells.items():
            group = cells.groups[max(cells.groups, key=lambda epoch: epoch or 0)]
            drawn = setting.subset.resplit or setting.subset.classes is not None
            own = setting.split == self.manifest.split.split and not setting.varied
            if own and not drawn and len(group) > 1:
                values = group.metric("test_accuracy")
                spread = Spread(float(np.var(values, ddof=1)), len(values) - 1)
                spreads[setting.model].append((float(np.mean(values)), spread))
        return {
            model: intervals.prior_of(found)
            or (None if self.facts(model).deterministic else intervals.UNKNOWN)
            for model, found in spreads.items()
        }

    def matching(self, selection: Selection) -> list[Setting]:
        """The settings of a selection; more than one where it leaves something open."""
        return [setting for setting, _ in self.found(selection)]

    def found(self, selection: Selection) -> list[tuple[Setting, Group]]:
        """The settings of a selection with their cells."""
        tests = self._tests(selection)
        epochs = tests.pop("epochs", ANY)
        return [
            (setting._replace(epochs=epoch), group)
            for setting, cells in self._by_model.get(selection.model, ())
            if all(_passes(cells.values.get(name, ...), test) for name, test in tests.items())
            for epoch, group in cells.groups.items()
            if epochs in (ANY, epoch)
        ]

    def _tests(self, selection: Selection) -> dict[str, Any]:
        """What each axis must be, defaults included; an axis that may be anything is left out."""
        facts, wanted = self.facts(selection.model), dict(selection.wanted)
        fault = fault_of_selection(selection, facts)
        if fault is not None:
            raise BadInput(f"{fault}.")
        data, early = self.manifest.data, bool(wanted.get("early_stopping"))
        search = wanted.get("params_from")
        chosen = self.facts(search).searches if search else ()
        params = {n: v for n, v in facts.defaults.items() if n != "epochs" and n not in chosen}
        params |= {n: v for n, v in wanted.items() if n not in (*FIELDS, "params")}
        params |= wanted.get("params", {})
        # The size first: it tells most cells apart.
        for axis in ("images", "train_size"):
            if wanted.get(axis) == LARGEST:
                wanted[axis] = max(self.varied(selection, axis), default=0)
        tests: dict[str, Any] = {"images": None}
        if "images" in wanted:
            size = self.size(wanted["images"], data.images)
            tests = {"images": _Not({None}) if size == ANY else size}
        elif "fitted" in wanted:
            tests["fitted"] = self.size(wanted["fitted"], data.train)
        else:
            tests["train_size"] = self.size(wanted.get("train_size", "all"), data.train)
        tests |= {f"params.{name}": value for name, value in params.items()}
        tests |= {
            "split": wanted.get("split", self.manifest.split.split),
            "classes": wanted.get("classes"),
            "varied": wanted.get("varied", ""),
            "early_stopping": early,
            "params_from": self._not_of_other_models(search) if search else None,
        }
        if not facts.learning_curve and "epochs" in facts.defaults:
            tests["params.epochs"] = wanted.get("epochs", facts.defaults["epochs"])
        elif facts.learning_curve and not early:
            tests["epochs"] = wanted.get("epochs", facts.defaults.get("epochs", ANY))
        return {name: test for name, test in tests.items() if test != ANY}

    def size(self, wanted: int | str, limit: int) -> int | str:
        """The number of images that `all`, `up to N` or a number stands for; `any` stays so."""
        if isinstance(wanted, int) or wanted == ANY:
            return wanted
        return limit if wanted == "all" else min(limit, int(wanted.removeprefix("up to ").replace(",", "")))

    def _not_of_other_models(self, search: str) -> "_Not":
        """Passes what may be the identity of a search of this model, whose record may be lost."""
        return _Not({identity for identity, model in self._searches.items() if model != search})

    @cached_property
    def _searches(self) -> dict[str | None, str | None]:
        """The models of the cells that searched, by identity; None is no search."""
        searching = {name for name in self.models if self.facts(name).searches}
        cells = (r for r in (*self.done, *self.failed) if r.model in searching)
        return {None: None} | {record.identity: record.model for record in cells}

    def varied(self, selection: Selection, axis: str) -> list[Value]:
        """The values of one axis at which there are cells, the smallest first; the rest as selected."""
        open_one = selection.but(**{axis.removeprefix("params."): ANY})
        found = {setting.values().get(axis) for setting in self.matching(open_one)} - {None}
        return sorted(found, key=lambda value: (not isinstance(value, int | float), str(type(value)), value))

    def is_fixed(self, group: Group) -> bool:
        """Whether another seed would give the same: a deterministic model on all training images."""
        data = self.manifest.data
        return bool(group.records) and all(
            self.facts(record.model).deterministic
            and record.subset.classes is None
            and record.subset.size == (data.images if record.subset.resplit else data.train)
            for record in group.records
        )

    @property
    def about(self) -> str:
        """The data, the number of images and the devices: what every reason names."""
        data = self.manifest.data
        devices = ", ".join(sorted({record.device for record in self.done})) or "no device"
        return f"{data.name}, {data.train:,} training and {data.test:,} test images, {devices}"


class _Not(frozenset[str | None]):
    """A test that these values do not pass."""


def _groups(
    done: dict[int | None, dict[int, Done]], failed: dict[int | None, list[Failed]]
) -> dict[int | None, Group]:
    """By epoch, in order; the records by seed."""
    return {
        epoch: Group(
            [record for _, record in sorted(done.get(epoch, {}).items())],
            epoch,
            failed.get(epoch, ()),
        )
        for epoch in sorted({*done, *failed}, key=lambda epoch: epoch or 0)
    }


def _passes(value: Value, test: Any) -> bool:
    return value not in test if isinstance(test, _Not) else bool(value == test)


def _evaluated(record: Done) -> Iterable[int | None]:
    """The epochs at which a cell was tested; None is the end that it chose itself."""
    history = record.history
    if history is None or record.stopped_at is not None:
        return [None]
    tested = zip(history.epoch, history.test_accuracy, strict=True)
    return [epoch for epoch, accuracy in tested if accuracy is not None]


def _planned(record: Failed) -> Iterable[int | None]:
    """The epochs at which a failed cell was to be tested."""
    if record.epochs is None or record.subset.held_out:
        return [None]
    return [*record.evaluate_at, record.epochs]
