"""`make peers`: networks and SVMs beside other libraries, in turn, in one run, into results/peers."""

import os
import shlex
import sys
from pathlib import Path

import click
from hexbench import process
from hexbench.data.dataset import Dataset, Split, Subset
from hexbench.errors import BadInput, ExitCode
from hexbench.measure.environment import environment
from hexbench.models import entries
from hexbench.paths import PathType
from hexbench.peers.contest import Setting, contest
from hexbench.peers.process import ContestantFailed, measure_peak
from hexbench.peers.report import Run, conclusions, headline, write
from hexbench.peers.roster import CPU, DEVICES, GPU, NAMES, OURS, ROSTER, SLOW, contestants, left_out
from hexbench.peers.task import FEWEST_SEARCHED, Task
from hexbench.peers.verdicts import targets
from hexbench.report.terminal import print_table, standard_output
from hexbench.study import DEFAULT, load

REGISTERED = {"cnn": "cnn", "mlp": "mlp", "svm": "svm_grid"}
"""The model that each contest is about, in `hexbench.models`."""
SLOW_UP_TO = 500
"""Images up to which the report's way takes part, and of the contest that is there for it."""
LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
"""Variables that would hold back some contestants and not others."""


@click.command()
@click.option("--data", default="auto", show_default=True, help="Which images, as for a suite.")
@click.option("--models", help=f"Which contests  [default: {','.join(REGISTERED)}; on a GPU networks]")
@click.option(
    "--device",
    default=CPU,
    show_default=True,
    type=click.Choice(DEVICES),
    help="What networks train on: every core of the CPU, or one NVIDIA GPU.",
)
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
@click.option("--out", default="results/peers", show_default=True, type=PathType())
def main(
    data: str,
    models: str | None,
    device: str,
    batch_sizes: str,
    rounds: int,
    mlp_rounds: int,
    svm_rounds: int,
    svm_sizes: str,
    without: tuple[str, ...],
    out: Path,
) -> None:
    """Time hexbench beside PyTorch, Keras, Flax's tutorial and scikit-learn, on the same images.

    Exit codes: 0 all well; 1 hexbench is slower than a peer on a network, or accuracies differ;
    2 bad input; 3 a contestant failed; 130 stopped by Ctrl-C. Missed targets are in the report.
    """
    for name in LIMITS:
        os.environ.pop(name, None)
    try:
        chosen, study = _models(models, device), load(DEFAULT)
        images = study.sources.resolve(data, None, study.data_default).load()
        settings: list[Setting] = []
        trained = len(images.parts(study.split)[0])
        if "cnn" in chosen:
            sizes = _numbers("--batch-sizes", batch_sizes)
            settings += [Setting("cnn", size, trained, rounds, device) for size in sizes]
        if "mlp" in chosen:
            batch_size = entries()["mlp"].defaults["batch_size"]
            settings.append(Setting("mlp", batch_size, trained, mlp_rounds, device))
        if "svm" in chosen:
            settings += _svm_settings(svm_sizes, svm_rounds, trained, SLOW not in without)
        command = "python -m hexbench.peers " + shlex.join(sys.argv[1:])
        run = Run(images.name, environment(), command.strip())
        code = _carry_out(run, [(s, _task(images, study.split, s)) for s in settings], set(without), out)
    except BadInput as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(ExitCode.BAD_INPUT)
    except KeyboardInterrupt:
        click.echo(f"Stopped; {out} has the contests that were over.", err=True)
        sys.exit(ExitCode.INTERRUPTED)
    sys.exit(code)


def _carry_out(run: Run, contests: list[tuple[Setting, Task]], without: set[str], out: Path) -> ExitCode:
    """All contests, one after the other, on one device; the files are written after each."""

    def remark(sentence: str) -> None:
        run.remarks.append(sentence)
        click.echo(sentence)

    models, device = {setting.model for setting, _ in contests}, contests[0][0].device
    for entry in ROSTER:
        takes_part = device in entry.devices and not models.isdisjoint(entry.models)
        if takes_part and entry.name not in without and entry.missing:
            remark(left_out(entry))
    if models != {"svm"}:
        click.echo(f"The fastest matrix product of the {device.upper()} ...")
        try:
            run.peak, name = measure_peak(device)
            run.device = f"one {name}" if device == GPU else run.device
        except ContestantFailed as error:
            if device == GPU:
                raise BadInput(f"--device gpu: JAX finds no NVIDIA GPU that it can use: {error}.") from None
            remark(f"The matrix product failed: {error}")
    for number, (setting, task) in enumerate(contests, 1):
        click.echo(f"Contest {number} of {len(contests)}: {setting.title}")
        slow = {SLOW} if setting.train_size > SLOW_UP_TO else set()
        taking_part = [
            e for e in contestants(setting.model, frozenset(without | slow), device) if not e.missing
        ]
        run.outcomes.append(contest(taking_part, setting, task, click.echo))
        write(run, out)
    return _conclude(run, out)


def _conclude(run: Run, out: Path) -> ExitCode:
    console = standard_output()
    for table in headline(run.outcomes):
        print_table(table, console)
    for target in targets(run.outcomes):
        if target.verdict != "met":
            click.echo(f"{target.setting}: the target of {target.at_least:g} is {target.verdict}.")
    found = conclusions(run.outcomes)
    for sentence in (s for sentences in found.values() for s in sentences):
        click.echo(sentence)
    click.echo(f"Report: {out / 'report.md'}")
    if found["slower"] or found["differs"]:
        return ExitCode.REGRESSION
    return ExitCode.CELLS_FAILED if found["failed"] else ExitCode.OK


def _task(data: Dataset, split: Split, setting: Setting) -> Task:
    """The images of a contest: a nested subset of the training images, and all test images."""
    model = REGISTERED[setting.model]
    batch_size = {"batch_size": setting.batch_size} if setting.batch_size else {}
    rows = data.draw(Subset(setting.train_size), split, seed=0)
    return Task(
        model,
        {**entries()[model].defaults, **batch_size},
        data.classes,
        data.pixels(rows.train),
        data.labels[rows.train],
        data.pixels(rows.test),
        data.labels[rows.test],
        device=setting.device,
    )


def _svm_settings(sizes: str, rounds: int, trained: int, with_slow: bool) -> list[Setting]:
    by_size = {SLOW_UP_TO: rounds} if with_slow else {}
    for part in sizes.split(","):
        number, colon, own = part.partition(":")
        (size,) = _numbers("--svm-sizes", number)
        by_size[size] = _numbers("--svm-sizes", own)[0] if colon else rounds
    for size in by_size:
        if not FEWEST_SEARCHED <= size <= trained:
            raise BadInput(
                f"--svm-sizes {size}: the data have {trained:,} training images, and a grid search "
                f"needs {FEWEST_SEARCHED}."
            )
    return [Setting("svm", 0, size, many) for size, many in sorted(by_size.items())]


def _models(text: str | None, device: str) -> list[str]:
    possible = [model for model in REGISTERED if contestants(model, device=device)]
    models = possible if text is None else [name.strip() for name in text.split(",")]
    unknown = [name for name in models if name not in possible]
    if unknown:
        where = "" if device == CPU else f" on a {device.upper()}"
        raise BadInput(f"--models {text}: {unknown[0]!r} is none of {', '.join(possible)}{where}.")
    return models


def _numbers(option: str, text: str) -> list[int]:
    numbers = [part.strip() for part in text.split(",")]
    for number in numbers:
        if not (number.isdecimal() and int(number) > 0):
            raise BadInput(f"{option} {text}: {number!r} is no whole number above 0.")
    return [int(number) for number in numbers]


if __name__ == "__main__":
    process.run(main)
