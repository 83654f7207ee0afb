"""What this study adds to the engine in Python: its data, commands, rules and sections."""

from typing import TYPE_CHECKING

from hexbench.studies.digit_recognizer import commands, rules
from hexbench.studies.digit_recognizer.data import sources

if TYPE_CHECKING:
    from hexbench.report.context import Context
    from hexbench.report.page import Part

SOURCES = sources.SOURCES
READERS = sources.READERS
FALLBACK = sources.FALLBACK
KNOWN = sources.KNOWN
REFERENCE = sources.reference
COMMANDS = (commands.fetch, commands.build, commands.compare, commands.photograph)
RULES = rules.RULES


def sections(context: "Context") -> "list[Part]":
    """The parts of the report that belong to this study."""
    from hexbench.studies.digit_recognizer.sections import sections as made

    return made(context)
