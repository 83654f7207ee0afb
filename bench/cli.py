"""The command line. Heavy imports wait inside the commands, so that `--help` answers at once."""

import re
import sys
from pathlib import Path
from typing import Any

import click
from hexbench import process
from hexbench.cli_data import data_commands
from hexbench.cli_export import export
from hexbench.cli_gates import check, compare, damaged
from hexbench.cli_models import check_model
from hexbench.cli_predict import predict
from hexbench.data.formats import titles
from hexbench.errors import BadInput, ExitCode, Stopped
from hexbench.paths import PathType
from hexbench.study import DEFAULT, Study, load, names, of_run, our_studies

EPILOG = """Exit codes: 0 all well; 1 a regression (check, compare); 2 bad usage or bad input;
3 some cells, or checks of check-model, failed; 4 nothing was measured; 70 a fault of hexbench;
128 + N stopped by signal N: 129 terminal closed, 130 Ctrl-C, 143 SIGTERM, 152 limit of processor time."""
PATH = PathType()
MOST_NAMED = 10


@click.group(invoke_without_command=True, epilog=EPILOG, context_settings={"max_content_width": 100})
@click.version_option(package_name="hexbench")
@click.option("--suite", metavar="NAME|FILE.toml", help="Run this suite of the study, or one's own.")
@click.option(
    "--sweep",
    "sweeps",
    multiple=True,
    metavar='"MODEL: NAME=VALUES ..."',
    help='Run a sweep without a file, such as "MODEL: learning_rate=0.001,0.01 epochs=5 seeds=3"; '
    "may be given several times.",
)
@click.option(
    "--study",
    default=DEFAULT,
    show_default=True,
    metavar="NAME|FOLDER",
    help=f"Whose suites and claims: {', '.join(names())}, or a folder with a study.toml.",
)
@click.option(
    "--data",
    default="auto",
    show_default=True,
    metavar="SOURCE",
    help=f"auto, {', '.join(load(DEFAULT).sources.names)} (NAME:N where a size can be chosen), or a path: "
    f"{titles()}. auto is what the study says, or $HEXBENCH_DATA, else files in data/, else a set that "
    "needs no files.",
)
@click.option("--resize", metavar="N|HxW", help="Bring every image to N x N pixels, or to H rows of W.")
@click.option(
    "--model",
    "own_models",
    multiple=True,
    metavar="FILE.py:NAME|NAME",
    help="A model joins the suite: a scikit-learn classifier class or a Flax module in a file of one's own, "
    "or what hexbench or an installed package has under this name.",
)
@click.option("--out", type=PATH, help="Results folder [results/<suite>].")
@click.option(
    "--only",
    metavar="FIELD=VALUE,...",
    help="Run only such cells: model=NAME,seed=0,params.learning_rate=0.01.",
)
@click.option(
    "--seeds", metavar="N", type=click.IntRange(1, 10_000), help="At least N seeds for every sweep."
)
@click.option("--fresh", is_flag=True, help="Set earlier results aside and start anew.")
@click.option(
    "--save-models",
    is_flag=True,
    help="Keep each model of the report's table of models, trained, with a card, in <out>/models.",
)
@click.option("--rerun-failed", is_flag=True, help="Run failed cells again.")
@click.option("--rerun-disturbed", is_flag=True, help="Run cells again that did not have the machine alone.")
@click.option(
    "--time-limit",
    metavar="SECONDS",
    type=click.FloatRange(0, 1e6, min_open=True),
    help="A cell that takes longer has failed.",
)
@click.option(
    "--executor",
    type=click.Choice(("local", "slurm", "dask")),
    default="local",
    show_default=True,
    help="Who measures the cells: this process, the jobs of a Slurm cluster, or Dask's workers.",
)
@click.option(
    "--cluster",
    type=PATH,
    metavar="FILE.toml",
    help="Settings of the executor: partition, time, memory, ...; see docs/scale.md.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Dask's scheduler [a cluster of this machine's cores].")
@click.option(
    "--devices",
    metavar="N|all",
    help="Measure cells side by side on so many devices of this machine; without an accelerator, cores.",
)
@click.option(
    "--shard-batch",
    is_flag=True,
    help="Train each network on all of --devices [all], which share out every batch, one cell after another.",
)
@click.option("--plan", "only_plan", is_flag=True, help="Print the cells and about how long they take.")
@click.pass_context
def cli(context: click.Context, /, **options: Any) -> None:
    """Benchmark small image classifiers, and judge the claims of a study by the results.

    A run that is started again goes on where it stopped.
    """
    given = options["suite"] is not None or options["sweeps"]
    if context.invoked_subcommand is not None:
        if given:
            raise click.UsageError("--suite and --sweep run cells; they do not go with a command.")
        return
    study = load(options["study"])
    if not given:
        suites = ", ".join(study.suites)
        has = (
            f"Choose a suite with --suite ({suites})"
            if suites
            else "Name a suite file with --suite FILE.toml"
        )
        raise click.UsageError(f"{has}, or say what to measure with --sweep.")
    if options["suite"] is not None and options["sweeps"]:
        raise click.UsageError("--suite and --sweep do not go together.")
    if context.obj:
        click.echo(f"Without effect on a run, and put aside: {', '.join(context.obj)}.", err=True)
    sys.exit(_run(study, **{k: v for k, v in options.items() if k != "study"}))


def _run(
    study: Study,
    suite: str | None,
    sweeps: tuple[str, ...],
    data: str,
    resize: str | None,
    own_models: tuple[str, ...],
    out: Path | None,
    only: str | None,
    seeds: int | None,
    only_plan: bool,
    fresh: bool,
    save_models: bool,
    executor: str,
    cluster: Path | None,
    scheduler: str | None,
    devices: str | None,
    shard_batch: bool,
    **options: Any,
) -> ExitCode:
    from hexbench.data.resize import Size
    from hexbench.plan.models import known_models, name_of
    from hexbench.plan.suites import OWN_PART, Images, narrow, plan, with_own_models
    from hexbench.plan.sweeps import read_suite, suite_of
    from hexbench.report.terminal import standard_output

    if save_models and executor != "local":
        raise BadInput(
            f"--save-models fits on this machine: run with --executor {executor} first, then the same "
            "command with --executor local, which keeps the records."
        )
    models = known_models(own_models)
    loaded = suite_of(list(sweeps), models) if suite is None else read_suite(study.suite(suite), models)
    joined = with_own_models(loaded, [name_of(reference) for reference in own_models])
    size = None if resize is None else Size.of(resize)
    source = study.sources.resolve(data, loaded.synthetic_images, study.data_default, size)
    images = Images.of(source.count, study.split, source.tested)
    whole = planned = plan(joined, images, models, seeds=seeds)
    if only is not None:
        planned = whole.of(narrow(whole.cells, _conditions(only)))
    if not planned.cells:
        why = f": {'; '.join(planned.left_out[:MOST_NAMED])}" if planned.left_out else ""
        raise BadInput(
            f"suite {loaded.name} has no cell for the {source.count:,} images of {source.name}{why}."
        )
    console = standard_output()
    if only_plan:
        from math import prod

        from hexbench.plan.cost import Expectation
        from hexbench.report.terminal import print_plan

        click.echo(f"{loaded.name} on {source.name}, {source.count:,} images: {source.described}")
        if images.own:
            click.echo(f"{OWN_PART}: {images.available:,} are trained on, {images.tested:,} tested")
        pixels = prod(source.shape) if source.shape else None
        print_plan(planned, models, Expectation(images, models, pixels), console)
        return ExitCode.OK
    from hexbench.registration import registered
    from hexbench.run.devices import divided_among
    from hexbench.run.executors import executor_of
    from hexbench.run.suite import Request, run_suite
    from hexbench.run.worker import RunOptions

    if shard_batch:
        options["divided_among"], devices = divided_among(executor, devices), None
    place = Path("results") / ("" if study.name == DEFAULT else Path(study.name).name) / loaded.name
    request = Request(
        study,
        loaded.name,
        source,
        planned,
        whole,
        models,
        own_models,
        out or place,
        registered(study, loaded),
        fresh,
        RunOptions(**options),
        executor_of(
            executor,
            cluster,
            scheduler,
            devices,
            accelerated=any(models[cell.model].accelerated for cell in planned.cells),
        ),
        save_models,
    )
    return run_suite(request, console)


@cli.command()
@click.argument("folder", type=PATH)
@click.option("--study", metavar="NAME|FOLDER", help="Judge by this study's claims [the run's own].")
def report(folder: Path, study: str | None) -> None:
    """Write the report of results FOLDER again, from its records."""
    from hexbench.report.write import write_report
    from hexbench.store.store import Store

    store = Store.open(folder)
    judge = load(study) if study else of_run(store.manifest().study, folder)
    with store.alone():
        found = store.survey()
        for line in damaged(store, found):
            click.echo(line)
        write_report(store, judge, found)
    click.echo(f"Report: {folder / 'report.html'} and report.md")


@cli.command()
@click.argument("folder", type=PATH)
def pack(folder: Path) -> None:
    """Pack the records of results FOLDER into one file, cells.jsonl.xz, that every command reads."""
    from hexbench.store.store import Store

    store = Store.open(folder)
    with store.alone():
        file = store.pack()
    click.echo(
        f"Packed: {file}, {file.stat().st_size / 1e6:.1f} MB. The folder cells/ is not needed beside it."
    )


@cli.command()
@click.option("--cells", "file", type=PATH, required=True, metavar="FILE", help="The job, as JSON.")
@click.option("--out", type=PATH, required=True, help="Results folder.")
@click.option(
    "--distributed",
    is_flag=True,
    help="Train each network together with the processes of the same command on other machines: JAX finds "
    "them under Slurm, MPI and on a TPU pod, elsewhere by the next three options.",
)
@click.option("--coordinator", metavar="HOST:PORT", help="Where the first process listens.")
@click.option("--processes", type=click.IntRange(1), help="How many processes there are.")
@click.option("--process", type=click.IntRange(0), help="Which of them this is, from 0.")
def worker(
    file: Path,
    out: Path,
    distributed: bool,
    coordinator: str | None,
    processes: int | None,
    process: int | None,
) -> None:
    """Measure the cells of a job into a results folder, and nothing else; what is stored is kept."""
    from hexbench.measure.start import check_jax
    from hexbench.run import hosts
    from hexbench.run.job import carry_out, read
    from hexbench.run.signals import Signals
    from hexbench.store.record import Failed
    from hexbench.store.store import Store

    if not distributed and (coordinator, processes, process) != (None, None, None):
        raise click.UsageError("--coordinator, --processes and --process go with --distributed.")
    job, signals = read(file), Signals()
    store, count, failed = Store(out), 0, 0
    try:
        with signals.installed():
            if distributed:
                hosts.join(coordinator, processes, process)
                results = hosts.carry_out(job, store, signals.deferred)
            else:
                if job.needs_jax:
                    check_jax()
                results = carry_out(job, store, deferred=signals.deferred)
            for result in results:
                count += 1
                failed += isinstance(result.record, Failed)
    except Stopped as stopped:
        sys.exit(stopped.code)
    click.echo(f"{count:,} of {len(job.cells):,} cells are stored, {failed:,} of them failed.")
    sys.exit(ExitCode.CELLS_FAILED if failed else ExitCode.OK)


@cli.command()
@click.pass_context
def env(context: click.Context) -> None:
    """Print the environment: versions, machine, device, commit."""
    import msgspec
    from hexbench.measure.environment import environment
    from hexbench.measure.start import ask, described

    found = msgspec.to_builtins(environment())
    try:
        found["device"] = described(*ask())
    except BadInput as fault:
        found |= {"device": None, "fault": str(fault)}
    if context.obj:
        found["without_effect"] = context.obj
    click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())


for command in (check, check_model, compare, data_commands, export, predict):
    cli.add_command(command)
for study in our_studies():
    for command in getattr(study.module, "COMMANDS", ()):
        data_commands.add_command(command)


def _conditions(only: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in re.split(r",(?=[\w.]+=)", only)]
    if not all(name and sign and value for name, sign, value in pairs):
        raise BadInput(f"--only {only}: write conditions as field=value, separated by commas.")
    conditions = {name.strip(): value.strip() for name, _, value in pairs}
    if len(conditions) < len(pairs):
        raise BadInput(f"--only {only}: a field stands there twice.")
    return conditions


def main() -> None:
    """Run the command line; a fault in what the user gave is one sentence and exit code 2."""
    process.run(cli)
