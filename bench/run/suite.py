"""Runs a suite from a plan to a written report: the one place where all the parts meet."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from hexbench.analyse.claims import check
from hexbench.analyse.runs import Runs
from hexbench.data.card import card_of
from hexbench.data.dataset import Dataset
from hexbench.data.hints import hints
from hexbench.data.sources import Source
from hexbench.errors import BadInput, ExitCode, NothingMeasured, Stopped
from hexbench.files import fault_of_folder, one_line, short
from hexbench.measure.environment import environment
from hexbench.models import Entry
from hexbench.plan.cell import label_of
from hexbench.plan.cost import Expectation
from hexbench.plan.measurable import sentences, unmeasurable
from hexbench.plan.models import from_anywhere
from hexbench.plan.suites import OWN_PART, Images, Plan
from hexbench.process import command_line
from hexbench.report.terminal import headline
from hexbench.report.write import write_report
from hexbench.run.execution import Outcome, run
from hexbench.run.executors import Executor, Local
from hexbench.run.job import Job
from hexbench.run.signals import Signals
from hexbench.run.worker import RunOptions
from hexbench.store.manifest import DataFacts, Manifest, ModelFacts, SplitFacts
from hexbench.store.record import Record
from hexbench.store.store import Store
from hexbench.study import Study
from rich.console import Console

MOST_NAMED = 10


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    study: Study
    suite: str
    source: Source
    plan: Plan
    """The cells to measure."""
    whole: Plan
    """The cells of the suite, of which `plan` may be a part."""
    models: Mapping[str, Entry]
    own_models: Sequence[str]
    """What `--model` was given: FILE.py:NAME, or names."""
    out: Path
    rules: Mapping[str, str] = field(default_factory=dict)
    """What verdicts depend on, to be registered: see `hexbench.registration`."""
    fresh: bool = False
    options: RunOptions = field(default_factory=RunOptions)
    executor: Executor = field(default_factory=Local)
    save_models: bool = False
    """Keep each model's main cell, see `hexbench.saved.save`."""


def run_suite(request: Request, console: Console) -> ExitCode:
    """Carry out a plan and write its report; the exit code says how it went.

    Raises BadInput where the folder cannot be used, or can no longer be written.
    """
    signals = Signals()
    try:
        with signals.installed():
            return _run(request, console, signals)
    except Stopped as stopped:
        console.print("Stopped; what was finished is kept. The same command goes on from there.")
        return stopped.code


def _run(request: Request, console: Console, signals: Signals) -> ExitCode:
    check(request.study.claims, request.models)  # before the run rather than after it
    data = request.source.load()
    request = _measurable(request, data)
    store = Store(request.out)
    if fault := fault_of_folder(store.folder):
        raise BadInput(f"--out {store.folder}: {fault}; choose another.")
    try:
        if store.is_foreign:
            raise BadInput(f"{store.folder} is not empty and holds no results: choose another --out.")
        if request.fresh:
            if request.executor.in_use(store.folder):
                raise BadInput(
                    f"jobs of an earlier command still work on {store.folder}: wait, or end them by scancel."
                )
            aside = store.set_aside()
            if aside is not None:
                console.print(f"The earlier results are set aside in {aside}.", markup=False)
        with store.in_use():
            manifest, stored = _prepare(request, data, store, console)
            own = manifest.data.test if manifest.split.own else None
            images = Images.of(len(data.images), request.study.split, own)
            outcome = run(
                _job_of(request, data),
                manifest.labels,
                stored,
                data,
                store,
                Expectation(images, request.models, data.images[0].size),
                request.executor,
                console,
                signals,
            )
            runs = None
            with store.alone(), suppress(NothingMeasured):
                runs = write_report(store, request.study)
            unsaved = False
            if request.save_models and runs is not None and outcome.stopped is None:
                unsaved = _save_models(request, data, store, runs, console, signals)
    except OSError as error:
        raise BadInput(
            f"{error.filename or store.folder} cannot be written: {error.strerror or error}. What was "
            "finished is kept; once this is mended the same command goes on from there."
        ) from None
    code = _close(request, outcome, runs, data, store, console)
    return ExitCode.CELLS_FAILED if unsaved and code == ExitCode.OK else code


def _save_models(
    request: Request, data: Dataset, store: Store, runs: Runs, console: Console, signals: Signals
) -> bool:
    """Keep the trained models, and say which; whether one could not be kept."""
    from hexbench.saved.save import Saver

    options = request.options
    saver = Saver(
        store.folder, data, request.models, request.own_models, options.divided_among, signals.deferred
    )
    console.print("Models to be saved, each fitted once more unless it was saved before:")
    failed = False
    with store.locks.hold("models", wait=True):
        for kept in saver.save(runs, {cell.model for cell in request.plan.cells}):
            console.print(f"  {kept.label}: {kept.said}: {kept.folder}", markup=False, highlight=False)
            failed = failed or kept.failed
    return failed


def _measurable(request: Request, data: Dataset) -> Request:
    """The request without the cells that these data cannot measure; BadInput where none is left."""
    models, plan, whole = request.models, request.plan, request.whole
    faults = unmeasurable(whole.cells, data, models)
    if not faults:
        return request
    if faults.keys() >= {*plan.cells}:
        said = sentences(plan.cells, faults, models, plan.own_split)
        more = [f"and {len(said) - MOST_NAMED:,} more"] if len(said) > MOST_NAMED else []
        raise BadInput(
            f"nothing of suite {request.suite} can be measured on {data.name}: "
            f"{'; '.join(said[:MOST_NAMED] + more)}."
        )
    said = sentences(whole.cells, faults, models, whole.own_split)
    plan, whole = (part.of((c for c in part.cells if c not in faults), said) for part in (plan, whole))
    return replace(request, plan=plan, whole=whole)


def _job_of(request: Request, data: Dataset) -> Job:
    """What is to be measured, as any process on any machine can be told."""
    study = request.study
    return Job(
        study=study.name if study.is_ours else str(study.folder.absolute()),
        data=request.source.option,
        count=request.source.asked,
        resize=request.source.resize,
        fingerprint=data.fingerprint,
        cells=request.plan.cells,
        own_models=tuple(map(from_anywhere, request.own_models)),
        options=request.options,
    )


def _prepare(
    request: Request, data: Dataset, store: Store, console: Console
) -> tuple[Manifest, dict[str, Record]]:
    """Say what will run, write the manifest and set aside what is damaged; the records that there are."""
    lines = [
        f"{request.suite}: {len(request.plan.cells):,} {'cell' if len(request.plan.cells) == 1 else 'cells'} "
        f"on {data.name} "
        f"({len(data.images):,} images), results go to {store.folder}",
        *(f"  {message}" for message in request.plan.left_out),
    ]
    with store.alone():
        manifest = manifest_of(request, data, store)
        store.put_manifest(manifest)
        survey = store.survey()
        moved = store.tidy(survey)
    if manifest.split.own:
        lines.append(f"  {OWN_PART}: {manifest.data.train:,} are trained on, {manifest.data.test:,} tested")
    lines += [f"  {note}" for note in manifest.data.notes]
    if manifest.data.missing_classes:
        missing = ", ".join(manifest.data.missing_classes)
        lines.append(f"  no image of {missing} in these data: accuracy is over the other classes")
    lines += [f"  hint: {hint}" for hint in manifest.data.hints]
    lines += [
        f"  claim {id_} asks for class {name!r}, which these data do not have: it will not be judged"
        for id_, name in request.study.beyond(data.class_names).items()
    ]
    lines += _edited(request, data, survey.sound)
    lines += [f"  damaged: cells/{name}: {fault}" for name, fault in list(moved.items())[:MOST_NAMED]]
    if moved:
        lines.append(f"  {len(moved):,} damaged files count as missing and are set aside in {store.damaged}")
    for line in lines:
        console.print(line, highlight=False, markup=False)
    return manifest, survey.sound


def _edited(request: Request, data: Dataset, stored: Mapping[str, Record]) -> list[str]:
    """A sentence for each model of one's own that was edited since cells of it were stored."""
    sources = {(record.model, record.source) for record in stored.values() if record.source}
    anew = Counter(
        cell.model
        for cell in request.plan.cells
        if cell.key_on(data.fingerprint) not in stored
        and any(model == cell.model and source != cell.source for model, source in sources)
    )
    return [
        f"  {request.models[model].label} has changed since: {count:,} "
        f"{'cells are' if count > 1 else 'cell is'} measured anew"
        for model, count in anew.items()
    ]


def manifest_of(request: Request, data: Dataset, store: Store) -> Manifest:
    """What the folder's manifest says after this request; BadInput if the folder holds another run."""
    cells, split = request.whole.cells, data.split_by(request.study.split)
    labels = {cell.key_on(data.fingerprint): label_of(cell, request.models, split.name) for cell in cells}
    covered = {cell.key_on(data.fingerprint) for cell in request.plan.cells}
    began, rules = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), dict(request.rules)
    if store.manifest_file.exists():
        earlier = store.manifest()
        same = (earlier.suite, earlier.data.fingerprint) == (request.suite, data.fingerprint)
        if not (same and request.study.is_named(earlier.study)):
            raise BadInput(
                f"{store.folder} holds suite {earlier.suite} of {earlier.study} on {earlier.data.name}: "
                "choose another --out, or set it aside with --fresh."
            )
        # A run narrowed by --only must not make the report forget the other cells of the suite.
        covered |= set(earlier.cells)
        began, rules = earlier.began, earlier.rules
    train, test = data.parts(split)
    card = card_of(data, request.source.card, request.study.sources.known)
    used = dict.fromkeys(cell.model for cell in cells)
    return Manifest(
        study=request.study.name,
        suite=request.suite,
        cells=[key for key in labels if key in covered],
        labels={key: label for key, label in labels.items() if key in covered},
        left_out=list(request.plan.left_out),
        models={name: ModelFacts.of(request.models[name]) for name in used},
        own_models=list(request.own_models),
        data=DataFacts(
            name=data.name,
            origin=card.origin,
            licence=card.licence,
            synthetic=data.provenance.synthetic,
            images=len(data.images),
            train=len(train),
            test=len(test),
            fingerprint=data.fingerprint,
            shape=data.shape,
            pixel_max=data.pixel_max,
            class_names=list(data.class_names),
            class_counts=data.class_counts,
            hints=hints(data, request.study.reference, request.study.sources.known),
            notes=list(data.notes),
        ),
        split=SplitFacts(split.name, split.test_size, data.test_part is not None),
        environment=environment(),
        command=one_line(command_line()),
        began=began,
        rules=rules,
    )


def _close(
    request: Request, outcome: Outcome, runs: Runs | None, data: Dataset, store: Store, console: Console
) -> ExitCode:
    """Say how it went, on the terminal and in the exit code."""
    if runs is not None:
        headline(runs, console)
    labels, cells = store.manifest().labels, request.plan.cells
    for record in outcome.failed[:MOST_NAMED]:
        console.print(f"failed: {labels[record.key]}: {short(record.error)}", markup=False)
    if len(outcome.failed) > MOST_NAMED:
        console.print(f"and {len(outcome.failed) - MOST_NAMED:,} more failed")
    if outcome.failed:
        console.print("--rerun-failed tries them again.")
    if outcome.disturbed:
        several = outcome.disturbed > 1
        console.print(
            f"{outcome.disturbed:,} {'cells were' if several else 'cell was'} measured while other work was "
            "running, or seeds were trained side by side: these times are marked * and not used in verdicts. "
            "--rerun-disturbed measures them again, each alone."
        )
    console.print(f"Report: {store.folder / 'report.html'}", markup=False, soft_wrap=True)
    if outcome.stopped is not None:
        stored = sum(store.get(cell.key_on(data.fingerprint)) is not None for cell in cells)
        console.print(
            f"Stopped: {stored:,} of {len(cells):,} cells are stored. The same command goes on from there."
        )
        return outcome.stopped.code
    if not outcome.kept + outcome.measured:
        return ExitCode.NOTHING_MEASURED
    return ExitCode.CELLS_FAILED if outcome.failed else ExitCode.OK
