"""`predict`: a saved model's answers for images."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from hexbench.errors import BadInput, ExitCode
from hexbench.paths import PathType

if TYPE_CHECKING:
    from hexbench.saved.load import Answer

PATH = PathType()


@click.command()
@click.argument("images", type=PATH, nargs=-1, required=True, metavar="IMAGE...")
@click.option(
    "--model",
    "folder",
    type=PATH,
    required=True,
    metavar="DIR",
    help="A saved model: a folder that a run with --save-models has written, RESULTS/models/NAME.",
)
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="FILE.py:NAME",
    help="The file of one's own that the model was trained from; it is executed.",
)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def predict(images: tuple[Path, ...], folder: Path, sources: tuple[str, ...], form: str) -> None:
    """Say what is on each IMAGE: PNG, JPEG or .npy, of any size, dark on light or light on dark.

    The ink is found and drawn as the training images have it. "empty" is an image without ink, "not sure" an
    answer whose probability is below the model's threshold.
    """
    from hexbench.report.terminal import standard_output
    from hexbench.saved.load import load

    model = load(folder, sources)
    rows: list[dict[str, Any]] = []
    for image in images:
        try:
            answers = model.predict([image])
        except BadInput as fault:
            rows.append({"image": str(image), "status": "error", "error": str(fault)})
            continue
        for number, answer in enumerate(answers):
            rows.append(_row(image, number if len(answers) > 1 else None, answer))
    if form == "json":
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=1).decode())
    elif any("error" not in row for row in rows):
        from hexbench.report.terminal import print_table

        print_table(_table([row for row in rows if "error" not in row]), standard_output())
        if not model.description.threshold:
            click.echo(f"{model.description.label} gives no probabilities, and is never `not sure`.")
    faults = [row["error"] for row in rows if "error" in row]
    for sentence in faults:
        click.echo(f"Error: {sentence}", err=True)
    sys.exit(ExitCode.BAD_INPUT if faults else ExitCode.OK)


def _row(image: Path, number: int | None, answer: "Answer") -> dict[str, Any]:
    import msgspec

    place = {} if number is None else {"number": number}
    return {"image": str(image), **place, **msgspec.to_builtins(answer)}


def _table(rows: list[dict[str, Any]]) -> Any:
    from hexbench.files import one_line
    from hexbench.report.table import NONE, Table

    def share(value: float | None) -> str:
        return NONE if value is None else f"{100 * value:.1f}%"

    cells = [
        (
            one_line(row["image"]) + (f" [{row['number']}]" if "number" in row else ""),
            row["label"] if row["status"] == "ok" else row["status"],
            row["label"] or NONE,
            share(row["probability"]),
            row["runner_up"] or NONE,
            share(row["runner_up_probability"]),
        )
        for row in rows
    ]
    header = ("image", "answer", "most probable", "probability", "runner-up", "its probability")
    return Table("Predictions", "", header, cells, "lllrlr")
