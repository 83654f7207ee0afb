"""The command `predict` and the card's own examples."""

import json
import re
import shlex
import shutil

import numpy as np
import pytest
from hexbench.models import entries
from PIL import Image
from saved.conftest import run

pytestmark = pytest.mark.slow


@pytest.fixture
def images(tmp_path, digits_images):
    """A folder with pictures of a digit: large, as the data have it, and several in an array."""
    small = digits_images[0][0]
    large = np.asarray(Image.fromarray(small * 15).resize((200, 200)))
    picture = np.full((300, 400), 235, np.uint8)
    picture[50:250, 90:290] -= np.clip(large, 0, 200)
    Image.fromarray(picture).save(tmp_path / "photo.jpg", quality=95)
    Image.fromarray(small * 15).save(tmp_path / "small.png")
    Image.fromarray(np.full((90, 90), 220, np.uint8)).save(tmp_path / "blank.png")
    np.save(tmp_path / "several.npy", digits_images[0][:4])
    (tmp_path / "video.png").write_bytes(b"\x00\x00\x00\x20ftypisom")
    return tmp_path


def ask(*arguments):
    """Exit code, standard output and standard error."""
    from click.testing import CliRunner
    from hexbench.cli import cli

    found = CliRunner().invoke(cli, ["predict", *map(str, arguments)])
    return found.exit_code, found.stdout, found.stderr


def test_a_table_names_label_probability_and_runner_up(digits_run, images, monkeypatch):
    model = digits_run[1] / "models" / "mlp"
    monkeypatch.chdir(images)
    code, said, errors = ask("--model", model, "photo.jpg", "several.npy")
    assert (code, errors) == (0, "")
    answers = json.loads(ask("--model", model, "--format", "json", "photo.jpg", "several.npy")[1])
    lines = [line for line in said.splitlines() if ".jpg" in line or ".npy" in line]
    assert len(lines) == len(answers) == 5
    for number, (line, answer) in enumerate(zip(lines, answers, strict=True)):
        name = "photo.jpg" if number == 0 else f"several.npy [{number - 1}]"
        cells = [cell.strip() for cell in line.strip("│").split("│")]
        shown = answer["label"] if answer["status"] == "ok" else answer["status"]
        shares = [f"{100 * answer[key]:.1f}%" for key in ("probability", "runner_up_probability")]
        assert cells == [name, shown, answer["label"], shares[0], answer["runner_up"], shares[1]]


def test_json_has_the_same(digits_run, images, digits_images):
    model = digits_run[1] / "models" / "mlp"
    code, said, _ = ask("--model", model, "--format", "json", images / "photo.jpg", images / "blank.png")
    photo, blank = json.loads(said)
    assert code == 0
    assert photo["label"] == str(digits_images[1][0])
    assert 0 <= photo["runner_up_probability"] <= photo["probability"] <= 1
    assert photo["status"] in ("ok", "not sure")
    assert (blank["status"], blank["label"], blank["probability"]) == ("empty", None, None)


def test_a_bad_image_is_said_and_the_others_are_answered(digits_run, images, monkeypatch):
    model = digits_run[1] / "models" / "svm"
    monkeypatch.chdir(images)
    files = ["video.png", "photo.jpg", "none.png"]
    code, said, errors = ask("--model", model, "--format", "json", *files)
    assert code == 2
    assert [row["status"] for row in json.loads(said)] == ["error", "ok", "error"]
    first, second = errors.strip().splitlines()
    assert first.startswith("Error: video.png is no PNG")
    assert second.startswith("Error: none.png is not there")
    code, said, _ = ask("--model", model, *files)
    assert code == 2
    assert "photo.jpg" in said
    assert "video.png" not in said
    assert "SVM gives no probabilities, and is never `not sure`." in said


def test_a_low_probability_is_not_sure(digits_run, digits_images):
    from hexbench.saved.load import load

    model = load(digits_run[1] / "models" / "mlp")
    answers = model.predict(list(digits_images[0][-200:]))
    threshold = model.description.threshold.probability
    asked = [answer for answer in answers if answer.status != "empty"]
    assert {answer.status for answer in asked} == {"ok", "not sure"}
    assert all((answer.probability >= threshold) == (answer.status == "ok") for answer in asked)


def test_a_model_without_probabilities_is_never_unsure(digits_run, digits_images):
    from hexbench.saved.load import load

    answers = load(digits_run[1] / "models" / "svm").predict(list(digits_images[0][:50]))
    assert {answer.probability for answer in answers} == {None}
    assert {answer.status for answer in answers} <= {"ok", "empty"}


def test_no_image_and_no_model_are_usage_errors(images):
    assert run("predict", "--model", images)[0] == 2
    assert run("predict", images / "photo.jpg")[0] == 2


def test_every_answer_is_written_for_people(digits_run, images):
    code, said, _ = ask("--model", digits_run[1] / "models" / "mlp", images / "blank.png")
    assert code == 0
    assert "empty" in said


# --- The card. ---


@pytest.mark.parametrize("name", ("mlp", "svm", "logistic", "Tiny", "Neighbours"))
def test_a_card_says_what_it_must(name, digits_run):
    text = (digits_run[1] / "models" / name / "README.md").read_text()
    for heading in (
        "Use",
        "Data",
        "Quality",
        "By class",
        "Confusions",
        "When it is not sure",
        "Limits",
        "Training",
    ):
        assert f"\n## {heading}\n" in text
    assert re.search(r"test accuracy of this model +\| +[\d.]+% \(95% CI [\d.]+-[\d.]+%\)", text)
    assert "1,797, 8 x 8" in text
    assert "fingerprint" in text
    known = entries().get(name)
    if known is None or known.probabilities:
        assert ("held-out training images it accepts" in text) == (name != "svm")
    assert ("## Calibration" in text) == (name != "svm")


@pytest.mark.parametrize("name", ("mlp", "svm", "Neighbours"))
def test_the_cards_example_works(name, digits_run, images, monkeypatch, capsys):
    monkeypatch.chdir(images)
    shutil.copy(images / "small.png", images / "photo.png")
    text = (digits_run[1] / "models" / name / "README.md").read_text()
    (python,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(python.strip().splitlines()) == 3
    exec(compile(python, "card", "exec"), {})
    assert "Answer(status=" in capsys.readouterr().out
    (console,) = re.findall(r"```console\nhexbench (.*?)\n```", text)
    code, said, _ = ask(*shlex.split(console)[1:])
    assert code == 0
    assert "photo.jpg" in said
