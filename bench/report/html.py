"""report.html: one file with everything in it, readable on a phone, without a network."""

import base64
import re
from pathlib import Path

from hexbench.analyse.decisions import CONSISTENT, NOT_COMPARABLE, REFUTED, SUPPORTED
from hexbench.analyse.quantities import INCONCLUSIVE, NOT_RUN
from hexbench.report.page import SPREAD_NOTE, VERDICTS_NOTE, Page, Picture
from hexbench.report.table import NONE, Table
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

SIGNS = {
    SUPPORTED: "✓",
    REFUTED: "✗",
    CONSISTENT: "≈",
    INCONCLUSIVE: "?",
    NOT_COMPARABLE: "≠",
    NOT_RUN: NONE,
}


def report(page: Page, figures: Path) -> str:
    """The whole page; `figures` is the folder that the pictures are read from."""

    def embedded(picture: Picture) -> str:
        content = base64.b64encode((figures / picture.file).read_bytes()).decode()
        return f"data:image/png;base64,{content}"

    environment = Environment(
        loader=PackageLoader("hexbench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["ticks"] = _ticks
    environment.tests["table"] = lambda item: isinstance(item, Table)
    return environment.get_template("report.html").render(
        page=page,
        embedded=embedded,
        signs=SIGNS,
        verdicts_note=VERDICTS_NOTE,
        spread_note=SPREAD_NOTE,
    )


def _ticks(text: str) -> Markup:
    """A note's `code` as HTML has it."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))
