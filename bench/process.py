"""What every command of hexbench does first and last: its environment, its output, its exit code."""

import codecs
import errno
import io
import os
import shlex
import shutil
import sys
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import click
from hexbench import variables
from hexbench.errors import BadInput, ExitCode, NothingMeasured
from hexbench.files import Unprotected, one_line, reason, short

PACKAGES = "site-packages"
PLAIN = {"±": "+/-", "≥": ">=", "≤": "<=", "×": "x", "–": "-", "—": "-", "…": "...", "·": "-", "’": "'"}
"""For terminals whose encoding lacks them."""


def run(command: click.Command) -> NoReturn:
    """Carry out a command line and end the process: what fails is one sentence and an `ExitCode`."""
    code = _carry_out(command)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # said already, if that could be; the interpreter would try once more
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(code)


def command_line() -> str:
    """The command of this process, so that it works when it is typed again in the same folder."""
    program, arguments = Path(sys.argv[0]), sys.argv[1:]
    if program.suffix != ".py":
        return shlex.join([_typed(program), *arguments])
    return shlex.join([_typed(Path(sys.executable)), _typed(program), *arguments])


def _typed(program: Path) -> str:
    """By its name where the shell finds it by that, else by its path, from here if it lies here."""
    names = dict.fromkeys((program.name, "python", "python3"))
    for name in names:
        found = shutil.which(name)
        if found and Path(found).absolute() == program.absolute():
            return name
    here, place = Path.cwd(), program.absolute()
    return str(place.relative_to(here) if place.is_relative_to(here) else program)


def _carry_out(command: click.Command) -> int:
    codecs.register_error("hexbench", _in_plain_letters)
    sys.stdout, sys.stderr = _open("stdout"), _open("stderr")
    try:
        _check_folder()
        aside = variables.settle()
        warnings.showwarning = _shown_by(warnings.showwarning)
        warnings.simplefilter("always", Unprotected)
        try:
            code = command.main(standalone_mode=False, obj=aside)
        except SystemExit as ended:
            code = ended.code
        sys.stdout.flush()
    except BaseException as error:
        return _failed(error)
    return code if isinstance(code, int) else ExitCode.OK


def _check_folder() -> None:
    try:
        Path.cwd()
    except OSError as error:
        raise BadInput(
            f"the folder that this command was started in cannot be used: {reason(error)}."
        ) from None


def _failed(error: BaseException) -> ExitCode:
    """Say in one sentence why the command ended; the exit code that tells."""
    if isinstance(error, click.ClickException):
        error.show()
        return ExitCode.BAD_INPUT
    for kind, code, words in EXPLAINED:
        if isinstance(error, kind):
            _say(words(error))
            return code
    if library := _import_of(error):
        _say(f"{library} does not start ({type(error).__name__}: {reason(error)}){_variables_of(library)}.")
        return ExitCode.BAD_INPUT
    traceback.print_exception(error)
    _say(f"this is a fault of hexbench ({type(error).__name__}): please report the lines above.")
    return ExitCode.INTERNAL


def _say(sentence: str) -> None:
    with suppress(OSError):  # of the standard error: then the exit code alone tells
        click.echo(f"Error: {one_line(sentence)}", err=True)


def _import_of(error: BaseException) -> str:
    """The library whose import raised this, as for a setting that it cannot understand; or nothing."""
    for frame in traceback.extract_tb(error.__traceback__):
        parts = Path(frame.filename).parts
        if frame.name == "<module>" and PACKAGES in parts[:-1]:
            return parts[parts.index(PACKAGES) + 1]
    return ""


def _variables_of(library: str) -> str:
    """The environment variables that may be the reason, in words."""
    names = [name for name in variables.recorded() if name.startswith(library[:3].upper())]
    set_ = ", ".join(f"{name}={os.environ[name]}" for name in names)
    return f": look at {short(set_)}" if set_ else ""


def _of_system(error: OSError) -> str:
    return f"{error.filename}: {reason(error)}." if error.filename else f"{reason(error)}."


def _of_import(error: ImportError) -> str:
    also = ", and look into the folders that PYTHONPATH names" if os.environ.get("PYTHONPATH") else ""
    return (
        f"{error.name or 'a package'} cannot be imported: {reason(error)}. Install hexbench's packages "
        f"again, by `make setup` in its folder or by pip{also}."
    )


EXPLAINED: tuple[tuple[Any, ExitCode, Callable[[Any], str]], ...] = (
    (KeyboardInterrupt, ExitCode.INTERRUPTED, lambda _: "stopped; what was finished is kept."),
    (click.Abort, ExitCode.INTERRUPTED, lambda _: "stopped; what was finished is kept."),
    (NothingMeasured, ExitCode.NOTHING_MEASURED, str),
    (BadInput, ExitCode.BAD_INPUT, str),
    (OSError, ExitCode.BAD_INPUT, _of_system),
    (ImportError, ExitCode.BAD_INPUT, _of_import),
    (MemoryError, ExitCode.BAD_INPUT, lambda _: "there is not enough memory."),
)
"""Errors that users can cause, their exit codes and the sentences that are said."""


def _shown_by(others: Callable[..., None]) -> Callable[..., None]:
    """Shows a warning of ours as a sentence, once, and has those of libraries shown by `others`."""
    said = set()

    def show(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
        if not issubclass(category, Unprotected):
            others(message, category, *rest, **more)
        elif str(message) not in said:
            said.add(str(message))
            click.echo(f"Warning: {one_line(str(message))}", err=True)

    return show


class _Outlet(io.FileIO):
    """A stream of the process whose reader may leave early, as `| head` does: the work goes on."""

    def __init__(self, stream: str, number: int):
        super().__init__(number, "wb", closefd=False)
        self.said = f"standard {'output' if stream == 'stdout' else 'error'}"

    def write(self, content: Any, /) -> int:
        try:
            return super().write(content) or 0
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EIO):  # of a pipe, of a terminal
                raise OSError(error.errno, error.strerror, self.said) from None
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            return len(content)


def _open(name: str) -> Any:
    """The process's stream of this name, of any encoding; one without a reader where it is closed."""
    stream = getattr(sys, name)
    if stream is None:  # closed by whoever started the process
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - until the process ends
    buffer = getattr(stream, "buffer", None)
    if not isinstance(getattr(buffer, "raw", buffer), io.FileIO):
        return stream
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Outlet(name, stream.fileno())),
        encoding=stream.encoding,
        errors="hexbench",
        line_buffering=stream.line_buffering,
        write_through=name == "stderr",
    )


def _in_plain_letters(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return "".join(PLAIN.get(letter, "?") for letter in error.object[error.start : error.end]), error.end
