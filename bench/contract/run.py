"""Tries the checks on a model in a process apart, each within a time: one that hangs or dies has failed."""

from collections.abc import Callable, Iterator
from contextlib import closing
from enum import StrEnum
from multiprocessing.connection import Connection
from typing import NamedTuple

from hexbench.contract.checks import CHECKS, NEEDED, Fault, NotApplicable, Remark
from hexbench.contract.subject import Subject
from hexbench.errors import BadInput
from hexbench.files import one_line, said
from hexbench.measure.start import start_jax
from hexbench.plan.models import known_models, name_of
from hexbench.run.child import Child, serve_foreign_code

IMPORTED_WITHIN_S = 120.0


class Outcome(StrEnum):
    """What came of a check."""

    PASSED = "passed"
    REMARK = "remark"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"


class Finding(NamedTuple):
    """A check, what came of it, and what was seen, in half a sentence."""

    check: str
    outcome: Outcome
    said: str


def findings(
    reference: str, limit_s: float, on_start: Callable[[str], None] = lambda _: None
) -> Iterator[Finding]:
    """What comes of each check, in their order, up to one that the others need and that has failed.

    `on_start` is told which one begins.

    `reference` is what `--model` takes; each check has `limit_s` seconds. BadInput where there is no such
    model, or it cannot be imported.
    """
    with closing(_Apart(reference, limit_s)) as process:
        process.start()
        for name in CHECKS:
            on_start(name)
            found = process.try_out(name)
            yield found
            if found.outcome is Outcome.FAILED and name in NEEDED:
                return


class _Apart:
    """The process; started again after a check that it did not survive."""

    def __init__(self, reference: str, limit_s: float):
        self._reference, self._limit_s = reference, limit_s
        self._child: Child | None = None

    def start(self) -> Child:
        """The process once it has imported the model."""
        if self._child is not None:
            return self._child
        self._child = child = Child(_serve, self._reference)
        if not child.pipe.poll(IMPORTED_WITHIN_S):
            raise BadInput(
                f"--model {self._reference}: it has not been imported within {IMPORTED_WITHIN_S:g} s."
            )
        try:
            fault: str | None = child.pipe.recv()
        except (EOFError, ConnectionError):
            raise BadInput(f"--model {self._reference}: it cannot be imported: {self._ended()}.") from None
        if fault is not None:
            raise BadInput(fault)
        return child

    def try_out(self, check: str) -> Finding:
        """What comes of a check."""
        pipe = self.start().pipe
        try:
            pipe.send(check)
            if pipe.poll(self._limit_s):
                found: Finding = pipe.recv()
                return found
        except (EOFError, ConnectionError):
            return Finding(check, Outcome.FAILED, self._ended())
        self.close()
        return Finding(
            check,
            Outcome.FAILED,
            f"it takes longer than {self._limit_s:g} s; --time-limit SECONDS gives more",
        )

    def _ended(self) -> str:
        assert self._child is not None
        message, self._child = self._child.exit_message(), None
        return message

    def close(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.end()
            self._child = None


def _serve(pipe: Connection, reference: str) -> None:
    """What the process does: the checks that come through the pipe, until nobody sends any."""
    serve_foreign_code()
    try:
        entry = known_models([reference])[name_of(reference)]
        if entry.accelerated:
            start_jax()
    except BadInput as error:
        pipe.send(str(error))
        return
    pipe.send(None)
    subject = Subject(entry)
    while True:
        try:
            check: str = pipe.recv()
        except EOFError:
            return
        pipe.send(_found(subject, check))


def _found(subject: Subject, check: str) -> Finding:
    try:
        outcome, words = Outcome.PASSED, CHECKS[check](subject)
    except NotApplicable as error:
        outcome, words = Outcome.NOT_APPLICABLE, str(error)
    except Remark as error:
        outcome, words = Outcome.REMARK, str(error)
    except Fault as error:
        outcome, words = Outcome.FAILED, str(error)
    except Exception as error:
        outcome, words = Outcome.FAILED, f"it raises {said(error)}"
    return Finding(check, outcome, one_line(words))
