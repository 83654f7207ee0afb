"""One network on the devices of several machines: each runs a process of the same command.

All train the same network, whose batches their devices share out, and take the same steps; the first
process alone stores records. There are no checkpoints and no time limits: processes that do not do the
same would wait for each other for ever.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from hexbench.errors import BadInput
from hexbench.files import reason
from hexbench.measure.start import load_jax
from hexbench.plan.models import known_models
from hexbench.run import job as jobs
from hexbench.run.job import Job
from hexbench.run.worker import CellResult, is_settled
from hexbench.store.store import Store


def join(coordinator: str | None, processes: int | None, process: int | None) -> None:
    """Connect this process with the others; BadInput where they cannot be found."""
    jax = load_jax()
    try:
        jax.distributed.initialize(coordinator, processes, process)
    except (ValueError, RuntimeError) as error:
        raise BadInput(
            f"--distributed cannot find the other processes: {reason(error)}. Give --coordinator HOST:PORT, "
            "--processes and --process."
        ) from None


def carry_out(
    job: Job, store: Store, deferred: Callable[[], AbstractContextManager[None]]
) -> Iterator[CellResult]:
    """Measure a job's cells together with the other processes, each of which calls this as well."""
    import jax
    import numpy as np
    from jax.experimental.multihost_utils import broadcast_one_to_all

    models = known_models(job.own_models)
    others = sorted({cell.model for cell in job.cells if not models[cell.model].learning_curve})
    if others:
        raise BadInput(f"{others[0]} trains on one machine alone: leave out --distributed for its cells.")
    settled = [is_settled(store.get(cell.key_on(job.fingerprint)), job.options) for cell in job.cells]
    # The first process may store a record before another has looked: all go by what it sees now.
    left = np.flatnonzero(~broadcast_one_to_all(np.array(settled, bool))).tolist()
    options = replace(job.options, divided_among=jax.device_count(), time_limit=None)
    together = msgspec.structs.replace(job, cells=tuple(job.cells[i] for i in left), options=options)
    with TemporaryDirectory() as elsewhere:
        own = store if jax.process_index() == 0 else Store(Path(elsewhere))
        yield from jobs.carry_out(together, own, deferred=deferred)
