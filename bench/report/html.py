"""report.html: one file with everything in it, readable on a phone, without a network."""

import base64
import re
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bench.analyse.rules import INCONCLUSIVE, NOT_RUN, REFUTED, SUPPORTED
from bench.analyse.tables import Table
from bench.report.figures import Picture
from bench.report.markdown import is_text
from bench.report.page import SPREAD_NOTE, VERDICTS_NOTE, Page

SIGNS = {SUPPORTED: "✓", REFUTED: "✗", INCONCLUSIVE: "?", NOT_RUN: "–"}


def report(page: Page, figures: Path) -> str:
    """The whole page; `figures` is the folder that the pictures are read from."""

    def embedded(picture: Picture) -> str:
        content = base64.b64encode((figures / picture.file).read_bytes()).decode()
        return f"data:image/png;base64,{content}"

    environment = Environment(
        loader=PackageLoader("bench.report"),
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
        is_text=is_text,
        signs=SIGNS,
        verdicts_note=VERDICTS_NOTE,
        spread_note=SPREAD_NOTE,
    )


def _ticks(text: str) -> Markup:
    """A note's `code` as HTML has it."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))
