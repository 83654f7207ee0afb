"""`make peers`: networks and SVMs beside other libraries, in turn, in one run, into results/peers."""

import os
import shlex
import sys
from pathlib import Path

import click
from rich.console import Console

from bench.data.dataset import Dataset
from bench.data.paper import IMAGES_IN_SMALL
from bench.data.sources import resolve
from bench.errors import BadInput, ExitCode
from bench.measure.environment import describe
from bench.peers.contest import Setting, contest, measure_peak
from bench.peers.page import Run, conclusions
from bench.peers.process import ContestantFailed
from bench.peers.roster import NAMES, OURS, ROSTER, SLOW, contestants, left_out
from bench.peers.tables import headline
from bench.peers.task import Task
from bench.peers.verdicts import targets
from bench.peers.write import write
from bench.report.terminal import print_table

MODELS = ("cnn", "mlp", "svm")
MLP_BATCH_SIZE = 16
SLOW_UP_TO = 500
"""Images up to which the report's way takes part, and of the contest that is there for it."""
FEWEST_SVM_IMAGES = 170
LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
"""Variables that would hold back some contestants and not others."""


@click.command()
@click.option("--data", default="auto", show_default=True, help="Which images, as for a suite.")
@click.option("--models", default=",".join(MODELS), show_default=True, help="Which contests.")
@click.option("--batch-sizes", default="16,32,128", show_default=True, help="Of the CNN.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1), help="Of the CNN.")
@click.option("--mlp-rounds", default=30, show_default=True, type=click.IntRange(1))
@click.option("--svm-rounds", default=3, show_default=True, type=click.IntRange(1))
@click.option(
    "--svm-sizes",
    default="2000",
    show_default=True,
    help=f"Training images of the SVMs; besides, {SLOW_UP_TO} for all and the report's own way. "
    "SIZE:ROUNDS for another number of rounds, as in 2000,6883:1.",
)
@click.option(
    "--without",
    multiple=True,
    type=click.Choice([name for name in NAMES if name != OURS]),
    help="Leave a contestant out; may be given several times.",
)
@click.option("--out", default="results/peers", show_default=True, type=click.Path(path_type=Path))
def main(
    data: str,
    models: str,
    batch_sizes: str,
    rounds: int,
    mlp_rounds: int,
    svm_rounds: int,
    svm_sizes: str,
    without: tuple[str, ...],
    out: Path,
) -> None:
    """Time hexbench beside PyTorch, Keras, Flax's tutorial and scikit-learn, on the same images.

    Exit codes: 0 all well; 1 hexbench is slower than a peer on a network, or not all learned alike;
    2 bad input; 3 a contestant failed; 130 stopped by Ctrl-C. Missed targets are in the report.
    """
    for name in LIMITS:
        os.environ.pop(name, None)
    try:
        chosen = _models(models)
        source = resolve(data, IMAGES_IN_SMALL)
        images = source.load()
        settings: list[Setting] = []
        trained = len(images.split[0])
        if "cnn" in chosen:
            sizes = _numbers("--batch-sizes", batch_sizes)
            settings += [Setting("cnn", size, trained, rounds) for size in sizes]
        if "mlp" in chosen:
            settings.append(Setting("mlp", MLP_BATCH_SIZE, trained, mlp_rounds))
        if "svm" in chosen:
            settings += _svm_settings(svm_sizes, svm_rounds, trained, SLOW not in without)
        command = "python -m bench.peers " + shlex.join(sys.argv[1:])
        run = Run(images.name, [], None, [], describe(), command.strip())
        code = _carry_out(run, settings, images, frozenset(without), out)
    except BadInput as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(ExitCode.BAD_INPUT)
    except KeyboardInterrupt:
        click.echo(f"Stopped; {out} has the contests that were over.", err=True)
        sys.exit(ExitCode.INTERRUPTED)
    sys.exit(code)


def _carry_out(
    run: Run, settings: list[Setting], images: Dataset, without: frozenset[str], out: Path
) -> ExitCode:
    """All contests, one after the other; the files are written after each."""
    models = {setting.model for setting in settings}
    for entry in ROSTER:
        if models.isdisjoint(entry.models) or entry.name in without or not entry.missing:
            continue
        run.remarks.append(left_out(entry))
        click.echo(run.remarks[-1])
    if not models.isdisjoint({"cnn", "mlp"}):
        click.echo("The fastest matrix product of this machine ...")
        try:
            run.peak = measure_peak(_task(images, Setting("cnn", 1, 17, 1)))
        except ContestantFailed as error:
            run.remarks.append(f"The matrix product failed: {error}")
            click.echo(run.remarks[-1])
    for number, setting in enumerate(settings, 1):
        click.echo(f"Contest {number} of {len(settings)}: {setting.title}")
        entries = [
            e
            for e in contestants(setting.model, without)
            if not e.missing and (e.name != SLOW or setting.images <= SLOW_UP_TO)
        ]
        run.outcomes.append(contest(entries, setting, _task(images, setting), click.echo))
        write(run, out)
    console = Console()
    for table in headline(run.outcomes):
        print_table(table, console)
    missed = [t for t in targets(run.outcomes) if t.verdict != "kept"]
    for target in missed:
        click.echo(f"{target.setting}: the target of {target.at_least:g} is {target.verdict}.")
    found = conclusions(run.outcomes)
    for sentence in (s for sentences in found.values() for s in sentences):
        click.echo(sentence)
    click.echo(f"Report: {out / 'report.md'}")
    if found["slower"] or found["unlike"]:
        return ExitCode.REGRESSION
    return ExitCode.CELLS_FAILED if found["failed"] else ExitCode.OK


def _task(images: Dataset, setting: Setting) -> Task:
    """The images of a contest: a nested subset of the training images, and all test images."""
    rows, test = images.nested_subset(setting.images, seed=0), images.split[1]
    return Task(
        setting.model,
        setting.batch_size,
        images.images[rows],
        images.labels[rows],
        images.images[test],
        images.labels[test],
    )


def _svm_settings(sizes: str, rounds: int, trained: int, with_slow: bool) -> list[Setting]:
    by_size = {SLOW_UP_TO: rounds} if with_slow else {}
    for part in sizes.split(","):
        number, colon, own = part.partition(":")
        (size,) = _numbers("--svm-sizes", number)
        by_size[size] = _numbers("--svm-sizes", own)[0] if colon else rounds
    for size in by_size:
        if not FEWEST_SVM_IMAGES <= size <= trained:
            raise BadInput(
                f"--svm-sizes {size}: the data have {trained:,} training images, and a grid search "
                f"needs {FEWEST_SVM_IMAGES}."
            )
    return [Setting("svm", 0, size, many) for size, many in sorted(by_size.items())]


def _models(text: str) -> list[str]:
    models = [name.strip() for name in text.split(",")]
    unknown = [name for name in models if name not in MODELS]
    if unknown:
        raise BadInput(f"--models {text}: {unknown[0]!r} is none of {', '.join(MODELS)}.")
    return models


def _numbers(option: str, text: str) -> list[int]:
    numbers = [part.strip() for part in text.split(",")]
    for number in numbers:
        if not (number.isdecimal() and int(number) > 0):
            raise BadInput(f"{option} {text}: {number!r} is no whole number above 0.")
    return [int(number) for number in numbers]


if __name__ == "__main__":
    main()
