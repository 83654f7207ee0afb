import signal

import pytest
from hexbench.errors import ExitCode, Stopped
from hexbench.run.signals import Signals

CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}


@pytest.fixture(autouse=True)
def foreground():
    """Ctrl-C as in a terminal: a shell switches it off for jobs in its background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", CODES)
def test_a_signal_stops_what_runs_and_says_which_it_was(number):
    before = signal.getsignal(number)
    with pytest.raises(Stopped) as stopped, Signals().installed():
        signal.raise_signal(number)
    assert stopped.value.code == CODES[number]
    assert signal.getsignal(number) == before


def test_what_is_deferred_comes_to_its_end_first():
    signals, done = Signals(), []
    with signals.installed(), pytest.raises(Stopped):
        with signals.deferred():
            signal.raise_signal(signal.SIGTERM)
            done.append("stored")
        done.append("gone on")
    assert done == ["stored"]


class Late:
    """Python ignores what is raised where an object ends, and in callbacks of its garbage collector."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)


def test_a_signal_that_python_lost_is_heard_once_the_next_record_is_stored(capsys):
    signals, done = Signals(), []
    with signals.installed(), pytest.raises(Stopped) as stopped:
        late = Late()
        del late
        done.append("lost")
        with signals.deferred():
            done.append("stored")
        done.append("gone on")
    assert stopped.value.code == ExitCode.INTERRUPTED
    assert done == ["lost", "stored"]
    assert not capsys.readouterr().err


def test_a_failure_while_storing_is_not_hidden_by_a_signal():
    signals = Signals()
    with signals.installed(), pytest.raises(OSError, match="full"), signals.deferred():
        signal.raise_signal(signal.SIGTERM)
        raise OSError("full")


def test_a_signal_that_the_shell_switched_off_stays_off():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Signals().installed():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_importing_installs_nothing():
    before = signal.getsignal(signal.SIGTERM)
    Signals()
    assert signal.getsignal(signal.SIGTERM) == before
