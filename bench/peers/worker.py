"""One contestant in a process of its own: `python -m hexbench.peers.worker MODULE:NAME`.

Reads a line at a time from standard input and answers each with a line of JSON on standard output:

    FILE, a task      ->  {"start_s": seconds of building and of the run that prepares}
    train             ->  {"seconds": of one round}
    finish            ->  {"accuracy": share, "memory_mb": peak, "facts": {...}}

The first answer, `{"ready": true}`, comes unasked once the libraries are imported. A fault is
answered with `{"error": sentence}`; the end of the input is the end of the process.
"""

import importlib
import json
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
from hexbench.peers.task import Contestant, Task


def load(maker: str) -> Callable[[Task], Contestant]:
    """What `module:name` means."""
    module, _, name = maker.partition(":")
    found: Callable[[Task], Contestant] = getattr(importlib.import_module(module), name)
    return found


def answers(maker: str, commands: Iterator[str]) -> Iterator[dict[str, Any]]:
    """An answer to being started and to each command; ends after a fault."""
    try:
        make = load(maker)
        yield {"ready": True}
        for file in commands:
            task = Task.load(Path(file.rstrip("\n")))
            started = time.perf_counter()
            contestant = make(task)
            contestant.prepare()
            yield {"start_s": time.perf_counter() - started}
            yield from (_answer(contestant, command.strip()) for command in commands)
    except Exception as error:
        traceback.print_exc()  # into the log
        words = " ".join(str(error).split()) or "no message"
        yield {"error": f"{type(error).__name__}: {words}"}


def _answer(contestant: Contestant, command: str) -> dict[str, Any]:
    if command == "train":
        started = time.perf_counter()
        contestant.train()
        return {"seconds": time.perf_counter() - started}
    memory = peak_memory_mb()  # before predicting, which is not what is compared
    return {"accuracy": contestant.accuracy(), "memory_mb": memory, "facts": contestant.facts()}


def peak_memory_mb() -> float:
    """The most memory that this process and those it started have held, in megabytes of 10^6 bytes.

    Where the system does not tell a process's peak, what it holds now.
    """
    own = psutil.Process()
    return sum(_peak_bytes(p) for p in (own, *own.children(recursive=True))) / 1e6


def _peak_bytes(process: psutil.Process) -> float:
    try:
        # getrusage would count what the parent held when it started this process.
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
        if found := re.search(r"VmHWM:\s+(\d+) kB", status):
            return 1024 * int(found[1])
    except OSError:
        pass
    try:
        memory = process.memory_info()
    except psutil.Error:
        return 0.0
    return float(getattr(memory, "peak_wset", memory.rss))


def main(maker: str) -> None:
    """Answer until there are no more commands."""
    # Libraries print what they like: that goes to the log, and only answers to the pipe.
    pipe = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for answer in answers(maker, iter(sys.stdin.readline, "")):
        pipe.write(json.dumps(answer) + "\n")
        pipe.flush()


if __name__ == "__main__":
    main(sys.argv[1])
