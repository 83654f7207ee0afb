"""Exceptions whose messages are for the user, and the process's exit codes."""

from enum import IntEnum

from hexbench.files import one_line


class BadInput(Exception):
    """A fault in what the user gave. The message is one sentence naming the file and the fault."""

    def __init__(self, message: str):
        super().__init__(one_line(message))


class LacksExtra(BadInput):
    """A library is missing that one of hexbench's extras brings."""

    def __init__(self, what: str, libraries: str, extra: str):
        super().__init__(
            f'{what} needs {libraries}: pip install "hexbench[{extra}]", or in a clone '
            f'.venv/bin/python -m pip install --editable ".[{extra}]".'
        )


class NothingMeasured(Exception):
    """A results folder without a record. The message is one sentence naming the folder."""


class Stopped(KeyboardInterrupt):
    """Ctrl-C or a signal. `code` is the exit code that says which."""

    def __init__(self, code: "ExitCode"):
        super().__init__()
        self.code = code


class ExitCode(IntEnum):
    """Exit codes of the process, as documented for users."""

    OK = 0
    REGRESSION = 1
    BAD_INPUT = 2
    CELLS_FAILED = 3
    NOTHING_MEASURED = 4
    INTERNAL = 70
    HUNG_UP = 129
    INTERRUPTED = 130
    TERMINATED = 143
    OUT_OF_TIME = 152
