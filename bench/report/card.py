"""A data card for people: what a data set is, as text and as a table of its classes."""

from bench.analyse.tables import NONE, Table
from bench.data.card import Card
from bench.data.describe import Description
from bench.data.paper import CLASS_NAMES
from bench.report.markdown import escape, table_text


def facts(card: Card, found: Description) -> list[str]:
    """The card in lines; the last is the fingerprint, alone."""
    repeats = (
        f"{found.repeated:,} test images are training images too; {found.repeated_ink:,} but for the "
        "noise in their dark pixels"
    )
    if found.contradictory:
        repeats += f", {found.contradictory:,} of them under another label"
    missing = [
        name for name, parts in zip(CLASS_NAMES, found.class_counts, strict=True) if not sum(parts)
    ]
    lines = [
        f"Origin: {card.origin}.",
        f"Licence: {card.licence}.",
        f"Images: {found.images:,} of 20 x 20 grey pixels, 0 black to 255 white ink.",
        f"Split: {found.train:,} for training, {found.test:,} for testing "
        "(train_test_split(test_size=0.30, random_state=42)).",
        f"Pixels: mean {found.mean:.1f}, standard deviation {found.deviation:.1f}, from {found.lowest} to "
        f"{found.highest}; {found.dark:.1%} below 90 (the noise in place of black), "
        f"{found.white:.1%} from 250.",
        f"Duplicates: {repeats}.",
    ]
    if missing:
        lines.append(f"Classes without an image: {', '.join(missing)}.")
    lines += [f"Made with {name}: {value}." for name, value in card.made.items()]
    return [*lines, "Fingerprint (sha256 over pixels, labels and split):", card.fingerprint]


def classes(found: Description) -> Table:
    """One row a class."""
    rows = [
        (name, f"{train + test:,}", f"{(train + test) / found.images:.1%}", f"{train:,}", f"{test:,}",
         NONE if mean is None else f"{mean:.1f}")
        for name, (train, test), mean in zip(CLASS_NAMES, found.class_counts, found.class_means, strict=True)
    ]  # fmt: skip
    header = ("class", "images", "share", "training", "test", "mean grey")
    return Table("Classes", "Grey values from 0 to 255.", header, rows)


def page(card: Card, found: Description, picture: str) -> str:
    """The card as Markdown; `picture` is the name of the file with examples."""
    *lines, title, fingerprint = facts(card, found)
    parts = [
        f"# Data card: {escape(card.name)}",
        "\n".join(f"- {escape(line)}" for line in lines),
        f"{title}\n\n`{fingerprint}`",
        table_text(classes(found)),
        f"![Images of every class]({picture})",
    ]
    return "\n\n".join(parts) + "\n"
