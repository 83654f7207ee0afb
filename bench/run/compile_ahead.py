"""`python -m hexbench.run.compile_ahead`: every network's programs, compiled for devices that are not here.

XLA's compilers for both need the extras `tpu` and `cuda`, and no device; `make devices` has an environment
with both. So that a program which these devices cannot run, or which does not fit into their memory, is
found on any machine.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import click
from hexbench import process
from hexbench.data.sources import Source
from hexbench.files import reason, write_whole
from hexbench.models import entries
from hexbench.paths import PathType
from hexbench.report.markdown import table_text
from hexbench.report.table import Table
from hexbench.report.terminal import print_table, standard_output
from hexbench.study import DEFAULT, load

OFFLINE = {
    "JAX_PLATFORMS": "cpu",
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_ACCELERATOR_TYPE": "v5litepod-4",
    "TPU_WORKER_HOSTNAMES": "localhost",
}
"""What JAX and libtpu must be told where there is no TPU."""
H100 = Path(__file__).with_name("h100.txtpb")
"""XLA's description of an H100 (`GpuTargetConfig`)."""
GB = 1e9


@dataclass(frozen=True)
class Target:
    """A device that programs are compiled for."""

    name: str
    platform: str
    topology: str
    options: dict[str, Any]
    count: int
    memory_gb: float
    """Of one device: of a TPU v5e according to Google Cloud's documentation, of an H100 to H100."""

    def devices(self) -> Any:
        """As the programs take them. Raises whatever JAX does where its plugin is missing."""
        from hexbench.models.training.devices import Devices
        from jax.experimental import topologies

        found = topologies.get_topology_desc(
            platform=self.platform, topology_name=self.topology, **self.options
        )
        return Devices(tuple(found.devices[: self.count]), divide=self.count > 1)


def targets() -> list[Target]:
    """A TPU v5e, four of them that share out every batch, and an H100."""
    config = {"topology": "1x1x1", "target_config": H100.read_text()}
    return [
        Target("TPU v5e", "tpu", "v5e:2x2", {}, 1, 16.0),
        Target("2 x 2 TPU v5e", "tpu", "v5e:2x2", {}, 4, 16.0),
        Target("H100", "cuda", "", config, 1, 85.0),
    ]


class Compiled(NamedTuple):
    """A program that was compiled for a target."""

    network: str
    program: str
    seconds: float
    arguments_gb: float
    temporary_gb: float
    total_gb: float
    """Arguments, results and temporary memory of one device, less what results share with arguments."""
    plain_convolutions: int
    """`stablehlo.convolution` in what XLA was given."""


def compiled(target: Target, source: Source) -> Iterator[Compiled]:
    """Compile training, evaluation and prediction of every registered network, with its defaults."""
    import numpy as np
    from hexbench.models.training.programs import evaluation, padded_size, prediction, training

    assert source.shape is not None and source.classes is not None
    devices, pixels = target.devices(), np.dtype(np.uint8)
    split = load(DEFAULT).split
    tested = split.tested(source.count)
    padded = padded_size(tested, devices)
    for entry in entries().values():
        if entry.learning_curve:
            model = entry.load()()
            network, n = model.describe(source.shape, source.classes), source.count - tested
            for name, program in {
                "training": training(network, n, pixels, model.batch_size, model.recipe(n), 1, devices),
                "evaluation": evaluation(network, padded, pixels, devices),
                "prediction": prediction(network, padded, pixels, devices),
            }.items():
                yield _line(entry.label, name, program)


def _line(network: str, name: str, program: Any) -> Compiled:
    started = time.perf_counter()
    lowered = program.lower()
    made = lowered.compile()
    seconds = time.perf_counter() - started
    memory = made.memory_analysis()
    arguments, temporary = memory.argument_size_in_bytes, memory.temp_size_in_bytes
    total = arguments + temporary + memory.output_size_in_bytes - memory.alias_size_in_bytes
    plain = lowered.as_text().count("stablehlo.convolution")
    return Compiled(network, name, seconds, arguments / GB, temporary / GB, total / GB, plain)


@click.command()
@click.option("--out", default="results/devices", type=PathType(), show_default=True)
def main(out: Path) -> None:
    """Compile every network's programs for a TPU v5e, four of them and an H100, and print a table."""
    os.environ.update(OFFLINE)
    study = load(DEFAULT)
    source = study.sources.resolve(study.sources.fallback)
    rows = []
    for target in targets():
        try:
            for line in compiled(target, source):
                memory = (line.arguments_gb, line.temporary_gb, line.total_gb)
                share = f"{100 * line.total_gb / target.memory_gb:.2f}%"
                texts = (f"{line.seconds:.1f}", *(f"{1000 * gb:,.1f}" for gb in memory), share)
                rows.append((target.name, line.network, line.program, *texts))
                click.echo(f"{target.name}: {line.network}, {line.program}: {line.seconds:.1f} s")
        except (RuntimeError, ValueError, ImportError) as error:
            raise click.UsageError(
                f"JAX cannot compile for a {target.name}: {reason(error)}. `make devices` has what it needs."
            ) from None
    header = ("device", "network", "program", "compiled in s", "arguments", "temporary", "in all")
    table = Table(
        "Programs compiled for devices that are not here",
        f"{source.count:,} images of {' x '.join(map(str, source.shape or ()))} pixels, default "
        "hyperparameters; memory in MB of one device, and its share of what that has.",
        (*header, "of the device"),
        rows,
        "lllrrrrr",
    )
    print_table(table, standard_output())
    write_whole(out / "report.md", f"# Programs for other devices\n\n{table_text(table)}\n")
    click.echo(f"Table: {out / 'report.md'}")


if __name__ == "__main__":
    process.run(main)
