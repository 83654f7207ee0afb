"""A data card for people: what a data set is, as text and as a table of its classes."""

from collections.abc import Sequence

from hexbench.data.card import NEARLY_WHITE, Card, Description
from hexbench.report.markdown import escape, table_text
from hexbench.report.table import NONE, Table


def facts(card: Card, found: Description, hints: Sequence[str] = ()) -> list[str]:
    """The card in lines, `hints` among them; the last is the fingerprint, alone."""
    sides = " x ".join(map(str, found.shape[:2]))
    channels = f"pixels of {found.shape[2]} channels" if len(found.shape) == 3 else "grey pixels"
    missing = [
        name for name, parts in zip(found.class_names, found.class_counts, strict=True) if not sum(parts)
    ]
    split = found.split.described(own=found.own_part)
    lines = [
        f"Origin: {card.origin}.",
        f"Licence: {card.licence}.",
        f"Images: {found.images:,} of {sides} {channels}, 0 to {found.pixel_max}.",
        f"Split: {found.train:,} for training, {found.test:,} for testing ({split}).",
        f"Pixels: {_pixels(found)}.",
        f"Duplicates: {_duplicates(found)}.",
    ]
    if missing:
        lines.append(f"Classes without an image: {', '.join(missing)}.")
    lines += [f"Files: {note}." for note in found.notes]
    lines += [f"Hint: {hint}." for hint in hints]
    lines += [f"Made with {name}: {value}." for name, value in card.made.items()]
    return [*lines, "Fingerprint (sha256 over shape, pixels and labels):", card.fingerprint]


def _pixels(found: Description) -> str:
    ground = f"{found.dark:.1%} below {found.ground} (background noise), " if found.ground else ""
    return (
        f"mean {found.mean:.1f}, standard deviation {found.deviation:.1f}, from {found.lowest} to "
        f"{found.highest}; {ground}{found.white:.1%} from {round(NEARLY_WHITE * found.pixel_max)}"
    )


def _duplicates(found: Description) -> str:
    text = f"{found.repeated:,} test images are training images too"
    if found.ground:
        text += f"; {found.repeated_ink:,} if background noise is ignored"
    if found.contradictory:
        text += f", {found.contradictory:,} of them under another label"
    return text


def classes(found: Description) -> Table:
    """One row a class."""
    rows = [
        (
            name,
            f"{train + test:,}",
            f"{(train + test) / found.images:.1%}",
            f"{train:,}",
            f"{test:,}",
            NONE if mean is None else f"{mean:.1f}",
        )
        for name, (train, test), mean in zip(
            found.class_names, found.class_counts, found.class_means, strict=True
        )
    ]
    header = ("class", "images", "share", "training", "test", "mean pixel")
    return Table("Classes", f"Pixels from 0 to {found.pixel_max}.", header, rows)


def page(card: Card, found: Description, picture: str, hints: Sequence[str] = ()) -> str:
    """The card as Markdown; `picture` is the name of the file with examples."""
    *lines, title, fingerprint = facts(card, found, hints)
    parts = [
        f"# Data card: {escape(card.name)}",
        "\n".join(f"- {escape(line)}" for line in lines),
        f"{title}\n\n`{fingerprint}`",
        table_text(classes(found)),
        f"![Images of every class]({picture})",
    ]
    return "\n\n".join(parts) + "\n"
