"""hexbench itself, with five checkpoints a second.

Appends the identity of each cell that it begins to the file that TORTURE_LOG names.
"""

import os

from hexbench.run import worker

worker.CHECKPOINT_EVERY_S = 0.2
worker.LOOK_AGAIN_S = 0.1
_measure = worker.Worker._measure


def measure(self, cell):
    if "TORTURE_LOG" in os.environ:
        log = os.open(os.environ["TORTURE_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(log, f"{cell.identity}\n".encode())
        os.close(log)
    return _measure(self, cell)


worker.Worker._measure = measure

if __name__ == "__main__":
    from hexbench.cli import main

    main()
