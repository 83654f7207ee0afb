"""Registered rules: digests of all that verdicts depend on, taken when a run begins and compared later.

A digest is of what a file means: a new comment or another layout is no change.
"""

import ast
import hashlib
import inspect
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
from hexbench.errors import BadInput
from hexbench.measure.environment import last_commit
from hexbench.plan.models import known_models
from hexbench.plan.sweeps import Suite, read_suite
from hexbench.store.manifest import Manifest
from hexbench.study import FILE, Study

FOLDER = Path(__file__).parent / "analyse"
CODE = (
    *("claims", "decisions", "estimates", "groups", "intervals", "outcomes", "parsing"),
    *("quantities", "rules", "runs", "scaling", "selections", "size_rules"),
)
"""Modules of `hexbench.analyse` that decide."""
SUITE = "suite"


def registered(study: Study, suite: Suite | None = None) -> dict[str, str]:
    """sha256 by name: the claims, the suite, and the syntax trees of the code that judges."""
    decisive = {name: study.content.get(name) for name in ("claim", "split", "data")}
    found = {FILE: _digest(decisive)}
    if suite is not None:
        found[SUITE] = _digest(asdict(suite))
    return found | {name: _digest_of_code(path) for name, path in _code(study).items()}


def statement(manifest: Manifest, study: Study) -> str:
    """Whether the rules that judge are those that were registered when the run began, in a sentence."""
    if not manifest.rules:
        return "This run began before rules were registered."
    suite = None
    if manifest.suite in study.suites:
        for own in ((), manifest.own_models):  # most suites need no file of the user's
            with suppress(BadInput):  # a suite of today may need what was not there then
                suite = read_suite(study.suites[manifest.suite], known_models(own))
                break
    names = changed(manifest.rules, registered(study, suite))
    if not names:
        return f"The rules are those that were registered when measuring began, {manifest.began}."
    files = {FILE: study.folder / FILE, SUITE: study.suites.get(manifest.suite)} | _code(study)
    said = [f"{name}{_where(files.get(name))}" for name in names]
    return f"Changed since the rules were registered, {manifest.began}: {', '.join(said)}."


def _where(file: Path | None) -> str:
    found = None if file is None else last_commit(file)
    return f" (last in commit {found})" if found else ""


def _code(study: Study) -> dict[str, Path]:
    """The files whose code judges, by name."""
    own = sorted({inspect.getsourcefile(rule) or "" for rule in study.rules.values()} - {""})
    of_study = {f"{study.folder.name}/{Path(path).name}": Path(path) for path in own}
    return {f"analyse/{name}.py": FOLDER / f"{name}.py" for name in CODE} | of_study


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The names whose digests differ; the suite only where it is known now."""
    names = dict.fromkeys((*before, *now))
    return [n for n in names if before.get(n) != now.get(n) and (n != SUITE or n in now)]


def _digest_of_code(path: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [one for one in body if not _is_text(one)]  # type: ignore[attr-defined]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _is_text(node: ast.stmt) -> bool:
    """A docstring, or a text that documents a name."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _digest(content: Any) -> str:
    canonical = json.dumps(msgspec.to_builtins(content), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
