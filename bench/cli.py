"""The command line. Heavy imports wait inside the commands, so that `--help` answers at once."""

import re
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

import click

from bench.cli_data import data_commands
from bench.cli_gates import check, compare
from bench.errors import BadInput, ExitCode, NothingMeasured
from bench.outside import one_line
from bench.plan.suites import load, names, narrow, plan

EPILOG = """Exit codes: 0 all well; 1 a regression (check, compare); 2 bad usage or bad input;
3 some cells failed; 4 nothing was measured; 130 stopped by Ctrl-C; 143 stopped by SIGTERM."""


@click.group(
    invoke_without_command=True, epilog=EPILOG, context_settings={"max_content_width": 100}
)
@click.option("--suite", type=click.Choice(names()), help="Run this suite.")
@click.option(
    "--data",
    default="auto",
    show_default=True,
    metavar="SOURCE",
    help="auto, synthetic[:N], emnist (built by `data fetch emnist`), or a path: a folder with the "
    "course's two files, or an .npz with X and y. auto is $HEXBENCH_DATA, else files in data/, else "
    "synthetic.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Results folder [results/<suite>].")
@click.option("--only", metavar="FIELD=VALUE,...", help="Run only such cells: model=cnn,seed=0.")
@click.option(
    "--seeds", metavar="N", type=click.IntRange(1, 10_000), help="At least N seeds for every sweep."
)
@click.option("--fresh", is_flag=True, help="Set earlier results aside and start anew.")
@click.option("--rerun-failed", is_flag=True, help="Run failed cells again.")
@click.option(
    "--rerun-disturbed", is_flag=True, help="Run cells again that did not have the machine alone."
)
@click.option(
    "--time-limit",
    metavar="SECONDS",
    type=click.FloatRange(0, 1e6, min_open=True),
    help="A cell that takes longer has failed.",
)
@click.option(
    "--plan", "only_plan", is_flag=True, help="Print the cells and about how long they take."
)
@click.option("--executor", type=click.Choice(["local"]), default="local", help="Where cells run.")
@click.pass_context
def cli(
    context: click.Context,
    suite: str | None,
    data: str,
    out: Path | None,
    only: str | None,
    seeds: int | None,
    fresh: bool,
    rerun_failed: bool,
    rerun_disturbed: bool,
    time_limit: float | None,
    only_plan: bool,
    executor: str,  # noqa: ARG001 - one choice so far
) -> None:
    """Benchmark small classifiers of handwritten hexadecimal digits: MLP, CNN and SVM.

    A run that is started again goes on where it stopped.
    """
    if context.invoked_subcommand is not None:
        if suite is not None:
            raise click.UsageError("--suite runs a suite; it does not go with a command.")
        return
    if suite is None:
        raise click.UsageError(f"Choose a suite with --suite: {', '.join(names())}.")
    from rich.console import Console

    from bench.data.sources import resolve

    loaded = load(suite)
    source = resolve(data, loaded.synthetic_images)
    whole = planned = plan(loaded, source.count, seeds=seeds)
    if only is not None:
        planned = whole.of(narrow(whole.cells, _conditions(only)))
    if not planned.cells:
        raise BadInput(
            f"suite {suite} has no cell for the {source.count:,} images of {source.name}."
        )
    console = Console()
    if only_plan:
        from bench.report.terminal import print_plan

        print_plan(list(planned.cells), source.count, planned.left_out, console)
        return
    from bench.run.suite import Request, run_suite
    from bench.run.worker import Terms

    folder = out or Path("results") / suite
    terms = Terms(rerun_failed, rerun_disturbed, time_limit)
    request = Request(suite, source, planned, whole, folder, fresh, terms)
    sys.exit(run_suite(request, console))


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path))
def report(folder: Path) -> None:
    """Write the report of results FOLDER again, from its records."""
    from bench.report.write import write_report
    from bench.store import Store

    store = Store.open(folder)
    with store.alone():
        found = store.survey()
        for name, fault in found.faults.items():
            click.echo(f"damaged, counts as missing: {store.cells / name}: {fault}")
        write_report(store, found)
    click.echo(f"Report: {folder / 'report.html'} and report.md")


@cli.command()
def env() -> None:
    """Print the environment: versions, machine, device, commit."""
    import json

    from bench.measure.environment import describe, device

    click.echo(json.dumps(describe() | {"device": device()}, indent=2))


for command in (check, compare, data_commands):
    cli.add_command(command)


def _conditions(only: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in re.split(r",(?=\w+=)", only)]
    if not all(name and sign and value for name, sign, value in pairs):
        raise BadInput(f"--only {only}: write conditions as field=value, separated by commas.")
    conditions = {name.strip(): value.strip() for name, _, value in pairs}
    if len(conditions) < len(pairs):
        raise BadInput(f"--only {only}: a field stands there twice.")
    return conditions


def main() -> None:
    """Run the command line; a fault in what the user gave is one sentence and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a pipe on Windows cannot hold every character
    try:
        sys.exit(cli.main(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(ExitCode.BAD_INPUT)
    except BadInput as error:
        _fail(str(error), ExitCode.BAD_INPUT)
    except NothingMeasured as error:
        _fail(str(error), ExitCode.NOTHING_MEASURED)
    except OSError as error:
        _fail(f"{error.filename or 'a file'}: {error.strerror or error}.", ExitCode.BAD_INPUT)
    except (KeyboardInterrupt, click.Abort):
        _fail("stopped; what was finished is kept.", ExitCode.INTERRUPTED)


def _fail(message: str, code: ExitCode) -> NoReturn:
    click.echo(f"Error: {one_line(message)}", err=True)
    sys.exit(code)
