"""Names from data and texts of errors in reports: shown as they are, and nothing more than shown."""

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

from fuzz.tried import TRIED
from hexbench.analyse.claims import Detail, Verdict
from hexbench.analyse.intervals import PERCENT
from hexbench.files import one_line
from hexbench.report import html, markdown
from hexbench.report.markdown import code, escape, table_text
from hexbench.report.page import Fact, Page, Part
from hexbench.report.table import Table
from hypothesis import assume, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

PIECES = st.sampled_from(
    [
        *("`", "``", "|", "\\", "\\|", "*", "_", "~~", "#", "<script>alert(1)</script>", "</td>"),
        *("</style>", "<!--", "-->", "<b", "&lt;", "&#60;", "&amp", "[a](b)", "![", "]", "[^1]"),
        *("- ", "+ ", "1. ", "12) ", "---", "===", "> ", "    ", "\t", "\n", "\n\n", "\r", "\x00"),
        *("\x1b[31m", "\u2028", "\u2029", "\x85", "\u202e", "\u200b", "\ufeff", "\xa0"),
        *("https://a.b", "http://", "www.a.bc", "a@b.cd", "<a@b.cd>", "{{ 7*7 }}", "{% raw %}", "{#"),
        *("'", '"', "$x$", "$$", "$`a`$", "\x01", "\U0001f600", "ü", "a", " "),
    ]
)
TEXTS = st.one_of(
    st.lists(PIECES, max_size=8).map("".join),
    st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=6).map("".join),
    st.text(max_size=30),
)
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


class Parsed(HTMLParser):
    """The tags of a page with their attributes, and the text between them."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, *sorted(attrs)))

    def handle_endtag(self, tag):
        self.tags.append((f"/{tag}",))

    def handle_comment(self, data):
        self.tags.append(("comment",))

    handle_decl = handle_pi = unknown_decl = handle_comment

    def handle_data(self, data):
        self.text += data


def flat(text):
    """A text as Markdown shows it: blanks are one, and what steers is written out."""
    return one_line(" ".join(text.split()))


def same_but_for(rendered, plain):
    """Whether two pages have the same tags."""
    assert Parsed(rendered).tags == Parsed(plain).tags


@given(TEXTS)
def test_markdown_shows_a_text_and_obeys_nothing_in_it(text):
    TRIED["texts in Markdown"] += 1
    shown = flat(text)
    for around in ("# hexbench: suite x on {}", "- {}", "- Data: {}, 3 images.", "> **{}**"):
        rendered = MARKDOWN.render(around.format(escape(text)) + "\n\nafter")
        if around in ("- {}", "> **{}**"):
            assume(shown)
        same_but_for(rendered, MARKDOWN.render(around.format("x") + "\n\nafter"))
        assert shown in Parsed(rendered).text
    assert not re.search(r"(?<!\\)(https?:|ftp:)//|(?<!\\)@|www\.", escape(text)), "GitHub makes links"


@given(TEXTS, TEXTS)
def test_a_table_keeps_its_cells(first, second):
    TRIED["texts in Markdown"] += 1
    table = Table("T", "n", ("model", first), [(first, second), ("x", "y")])
    rendered = MARKDOWN.render(table_text(table))
    same_but_for(
        rendered,
        MARKDOWN.render(table_text(Table("T", "n", ("model", "x"), [("x", "x"), ("x", "y")]))),
    )
    cells = re.findall(r"<t[hd](?: [^>]*)?>(.*?)</t[hd]>", rendered, re.DOTALL)
    found = [Parsed(cell).text for cell in cells]
    assert found == ["model", *(flat(t) for t in (first, first, second)), "x", "y"]


@given(TEXTS)
def test_a_code_span_ends_where_it_should(text):
    TRIED["texts in Markdown"] += 1
    assume(text.strip())
    rendered = MARKDOWN.render(f"- Run it again: {code(text)}\n- after `x`")
    same_but_for(rendered, MARKDOWN.render("- Run it again: `x`\n- after `x`"))
    assert f"Run it again: {one_line(text)}\n" in Parsed(rendered).text


def page_of(text, more):
    note = more.replace("`", "'")  # what a note has between backticks is code, and meant to be
    verdict = Verdict(
        id="params",
        statement="so",
        reported="1",
        measured=None,
        low=None,
        high=None,
        level=0.95,
        n=1,
        verdict="supported",
        reason=more,
        cells=[text],
        readings=[],
        plain=text,
        unit=PERCENT,
        target=None,
        quote=more,
        source=text,
        details=[Detail("Parts", "n", ("what", "x"), [(text, more)])],
    )
    table = Table(text, note, ("model", text), [(text, more)])
    facts = [Fact("Data", text), Fact("Run it again", more, code=True)]
    return Page(
        study=text,
        suite=text,
        data=more,
        about=text,
        warning=text,
        summary=more,
        rules=text,
        overview=None,
        facts=facts,
        missing=[text, more],
        unsound=[more],
        verdicts=[verdict],
        of_study=[Part("Figure 1", [table], said=text)],
        parts=[Part(f"of {more}", [table])],
        environment=facts,
    )


@cache
def plain_html():
    return Parsed(html.report(page_of("x", "x"), Path()))


@given(TEXTS, TEXTS)
def test_html_shows_a_text_and_obeys_nothing_in_it(text, more):
    TRIED["texts in HTML"] += 1
    assume(text and more)
    parsed = Parsed(html.report(page_of(text, more), Path()))
    plain = plain_html()
    assert [tag[0] for tag in parsed.tags] == [tag[0] for tag in plain.tags]
    same = [
        [(n, "x" if n in ("aria-label", "alt") and v in (text, more) else v) for n, v in attributes]
        for _, *attributes in parsed.tags
    ]
    assert same == [list(attributes) for _, *attributes in plain.tags]
    assert text in parsed.text
    assert more in parsed.text


@given(TEXTS)
def test_the_markdown_report_has_the_same_parts_whatever_the_names(text):
    TRIED["texts in Markdown"] += 1
    assume(text.strip())
    page = page_of(text, text)
    plain = page_of("x", "x")
    # Notes are hexbench's own.
    parts = {"of_study": [], "parts": [], "warning": ""}
    rendered, expected = (
        MARKDOWN.render(markdown.report(Page(**{**vars(p), **parts}))) for p in (page, plain)
    )
    same_but_for(rendered, expected)
