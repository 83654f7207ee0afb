"""Counts what every reader is given, and holds its refusals to being one sentence that names the file."""

from collections import Counter

from hexbench.errors import BadInput

TRIED, REFUSED, TRACEBACKS = Counter(), Counter(), Counter()
"""By reader: inputs, those refused with a sentence, and those that raised something else."""


def attempt(reader, name, read, *arguments):
    """What `read` makes of an input, or None where it refuses it; `name` must be in the sentence."""
    TRIED[reader] += 1
    try:
        return read(*arguments)
    except BadInput as error:
        REFUSED[reader] += 1
        is_sentence(str(error), name)
        return None
    except BaseException:
        TRACEBACKS[reader] += 1
        raise


def is_sentence(message, *names):
    assert message.isprintable()
    assert message.endswith(".")
    assert len(message) < 10_000
    for name in names:
        assert name in message
