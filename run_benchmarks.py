"""Command-line entry point: `python run_benchmarks.py --help`.

Any Python from 3.8 on can parse this file, so that it can say which one is needed.
"""

import os
import sys
from pathlib import Path

OLDEST = (3, 11)


def end_with(fault):
    """End the process with the fault and how to run it with the interpreter that `make setup` prepares."""
    folder = Path(__file__).resolve().parent
    interpreter = folder / ".venv" / "bin" / "python"
    if interpreter.is_file():
        remedy = f"run {os.path.relpath(interpreter)} {os.path.relpath(__file__)}"
    else:
        remedy = f"run `make setup` in {folder}, then .venv/bin/python run_benchmarks.py"
    sys.stderr.write(f"Error: {fault}: {remedy}.\n")
    sys.exit(2)


if __name__ == "__main__":
    if sys.version_info < OLDEST:
        end_with(f"hexbench needs Python 3.11 or newer, and this is {sys.version.split()[0]}")
    try:
        from hexbench.cli import main
    except ImportError as error:
        end_with(f"{sys.executable} lacks hexbench or a package that it needs ({error})")
    main()
