"""hexbench itself, with a small suite and five checkpoints a second.

Appends the label of each cell that it begins to the file that TORTURE_LOG names.
"""

import os
from pathlib import Path

from bench.plan import suites
from bench.run import worker

suites.FOLDER = Path(__file__).parent / "suites"
worker.CHECKPOINT_EVERY_S = 0.2
worker.LOOK_AGAIN_S = 0.1
_measure = worker.Worker._measure


def measure(self, spec):
    if "TORTURE_LOG" in os.environ:
        log = os.open(os.environ["TORTURE_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(log, f"{spec.label}\n".encode())
        os.close(log)
    return _measure(self, spec)


worker.Worker._measure = measure

if __name__ == "__main__":
    from bench.cli import main

    main()
