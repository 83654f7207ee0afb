"""The command that tries out a model."""

import sys

import click
from hexbench.errors import ExitCode

EPILOG = "Exit codes: 0 every check passed or says nothing about the model; 2 bad input; 3 a check failed."

WIDTH = len("not applicable")


@click.command("check-model", epilog=EPILOG)
@click.argument("reference", metavar="FILE.py:NAME|NAME")
@click.option(
    "--time-limit",
    metavar="SECONDS",
    type=click.FloatRange(0, 1e6, min_open=True),
    default=120.0,
    show_default=True,
    help="A check that takes longer has failed.",
)
def check_model(reference: str, time_limit: float) -> None:
    """Check whether a model behaves, on a few of scikit-learn's digits: a line for each check.

    A model is what --model takes: a scikit-learn classifier class or a Flax module in a file, or the name of
    one that hexbench or an installed package has.
    """
    from hexbench.contract.checks import CHECKS
    from hexbench.contract.run import Outcome, findings
    from hexbench.report.terminal import standard_output

    console = standard_output()
    counts = dict.fromkeys(Outcome, 0)
    with console.status("") as status:
        for found in findings(reference, time_limit, on_start=lambda check: status.update(f"{check} ...")):
            counts[found.outcome] += 1
            line = f"{found.outcome:<{WIDTH}}  {found.check}: {found.said}."
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    if untried := len(CHECKS) - sum(counts.values()):
        console.print(f"The other {untried} checks need that.")
    said = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    console.print(f"{reference}: {said}", markup=False, highlight=False, soft_wrap=True)
    sys.exit(ExitCode.CELLS_FAILED if counts[Outcome.FAILED] else ExitCode.OK)
