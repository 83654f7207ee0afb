"""A job: cells that one process measures, wherever it runs, and nothing else.

Every executor hands these over, and `hexbench worker` carries one out. Twice is harmless: what is
stored already is not measured again.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import msgspec
from hexbench.data.dataset import Dataset
from hexbench.data.resize import Size
from hexbench.errors import BadInput
from hexbench.files import reason, write_whole
from hexbench.measure.start import start_jax
from hexbench.plan.cell import MEASUREMENT_VERSION, Cell, frozen, key_of
from hexbench.plan.cost import Expectation
from hexbench.plan.models import known_models
from hexbench.plan.suites import Images
from hexbench.run.worker import CellResult, ProgressListener, RunOptions, Worker
from hexbench.store.store import Store
from hexbench.study import load
from hexbench.variables import settle
from msgspec import Struct


class Job(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a process is told."""

    study: str
    """Its name, or its folder."""
    data: str
    """As `--data` has it, with an absolute path."""
    count: int | None = None
    """How many images a source of any size gives."""
    resize: Size | None = None
    """What images are brought to."""
    fingerprint: str
    """Of the data: other images are not measured."""
    cells: tuple[Cell, ...]
    """Searches before the cells that wait for them."""
    own_models: tuple[str, ...] = ()
    options: RunOptions = RunOptions()
    measurement_version: int = MEASUREMENT_VERSION

    def of(self, cells: Sequence[Cell]) -> "Job":
        """The same job with these cells."""
        return msgspec.structs.replace(self, cells=tuple(cells))

    @property
    def needs_jax(self) -> bool:
        """Whether a cell trains on JAX's device; BadInput where a model of one's own cannot be imported."""
        models = known_models(self.own_models)
        return any(models[cell.model].accelerated for cell in self.cells if cell.model in models)

    def ready(self, store: Store) -> list[Cell]:
        """Its cells, but for those that wait for a search which is neither among them nor stored."""
        here = {cell.identity for cell in self.cells}

        def is_there(search: str) -> bool:
            return search in here or store.get(key_of(search, self.fingerprint)) is not None

        return [cell for cell in self.cells if cell.params_from is None or is_there(cell.params_from)]

    def write(self, file: Path) -> Path:
        """Write it as JSON, whole or not at all; returns the file."""
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, msgspec.json.encode(self))
        return file


def read(file: Path) -> Job:
    """The job in a file; BadInput if there is none, or one for another version of hexbench."""
    if file.exists() and not file.is_file():
        raise BadInput(f"{file} is not a regular file.")
    try:
        job = msgspec.json.decode(file.read_bytes(), type=Job)
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {reason(error)}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"{file} holds no cells to measure: {error}.") from None
    if job.measurement_version != MEASUREMENT_VERSION:
        raise BadInput(
            f"{file} is of measurement version {job.measurement_version}, and this hexbench has "
            f"{MEASUREMENT_VERSION}: every node needs the version that hands cells over."
        )
    cells = [cell.but(params={n: frozen(v) for n, v in cell.params.items()}) for cell in job.cells]
    return job.of(cells)


def images_of(job: Job) -> Dataset:
    """The images that a job is about; BadInput if they are others."""
    study = load(job.study)
    data = study.sources.resolve(job.data, job.count, study.data_default, job.resize).load()
    if data.fingerprint != job.fingerprint:
        raise BadInput(
            f"{job.data} holds other images here than where the cells were planned: its fingerprint is "
            f"{data.fingerprint[:12]}, and that of the run is {job.fingerprint[:12]}."
        )
    return data


def carry_out(
    job: Job,
    store: Store,
    data: Dataset | None = None,
    listener: ProgressListener | None = None,
    deferred: Callable[[], AbstractContextManager[None]] = nullcontext,
    *,
    shared: bool = False,
) -> Iterator[CellResult]:
    """Measure a job's cells into a store, one after another.

    `data` are its images, if they are loaded already. `shared`: other work may run on this machine, so
    that no time is clean.
    """
    settle()  # of a node or a worker that was not started by a command of ours
    models = known_models(job.own_models)
    if job.needs_jax:
        start_jax()  # before each of its cells fails
    data = data or images_of(job)
    own = None if data.test_part is None else len(data.test_part)
    images = Images.of(len(data.images), load(job.study).split, own)
    expectation = Expectation(images, models, data.images[0].size)
    worker = Worker(data, store, expectation, job.options, job.own_models, listener, deferred, shared=shared)
    yield from worker.carry_out(job.cells)
