"""Paths on the command line."""

from pathlib import Path
from typing import Any

import click


class PathType(click.Path):
    """A path; an empty text, as of a variable that is not set, is none."""

    def __init__(self, **options: Any):
        super().__init__(path_type=Path, **options)

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        """The path; UsageError for an empty text, which would mean the current folder."""
        if value == "":
            self.fail("it is empty: name a file or folder, or leave the option out.", parameter, context)
        return super().convert(value, parameter, context)
