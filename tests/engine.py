"""What the engine may not know: names of models, numbers and data of a report, found in its sources."""

import ast
import re
from collections.abc import Iterator

from conftest import ROOT
from hexbench.models import entries

OWN_FILES = ("mlp.py", "wide_mlp.py", "cnn.py", "modern_cnn.py", "svm.py", "library.py")
"""Of models/: a model's own file may name it, and have the report's values for defaults."""
OWN_FOLDERS = ("kernels",)
"""Of models/: what a single model's file uses."""
ALLOWED = {
    ("bench/data/emnist.py", "emnist"): "how the names of that set's files begin",
    (
        "bench/saved/estimators.py",
        "earn.ensemble._hist_gradient_boosting.predictor.TreePredi",
    ): "a type of scikit-learn's",
    ("bench/study.py", "digit_recognizer"): "the study that is used where none is named",
    ("models/network.py", "batch_size: 16"): "a default that users' own networks are promised",
}

MODELS = sorted(entries(), key=len, reverse=True)
_ONE = "|".join(re.escape(name).replace("_", "[_ ]") for name in MODELS)
WORDS = {
    "a model's name": re.compile(rf"(?<![a-z0-9])({_ONE})(s|'s)?(?![a-z0-9])", re.IGNORECASE),
    "a model's class": re.compile(r"(MLP|CNN|SVM|SVMGrid)Classifier|\bSVC\b"),
    "the report": re.compile(r"digit.recogni[sz]er|(written|of) hexadecimal|\bhex digits?\b", re.IGNORECASE),
    "the report's data": re.compile(r"emnist|hex2024|\bcourse's\b|inf264|\bbergen\b", re.IGNORECASE),
    "a class count of the report": re.compile(r"\b(17|seventeen|sixteen) (classes|digits)\b"),
    "an image size of the report": re.compile(r"\b20 ?[x×] ?20\b|\b400 (pixels|inputs|features)\b"),
    "a number of the report": re.compile(
        r"\b(158[,_]?385|4[,_]?197|75[,_]?461|107[,_]?802|111[,_]?399|32[,_]?347|31[,_]?611|9[,_]?834)\b"
    ),
}
"""In string literals, docstrings included."""
NUMBERS = {17, 400, 158_385, 4_197, 75_461, 107_802, 111_399, 32_347, 31_611, 9_834}
"""Wherever they stand."""
BESIDE = {
    "batch": {16},
    "epoch": {3, 5, 15, 50},
    "hidden": {10},
    "channel": {32, 64},
    "side": {20},
    "class": {16, 17},
}
"""Beside a name with this word: as its value, its default, or what it is compared with."""
PAIRS = {(20, 20)}

Found = tuple[int, str, str]
"""Line, what it is, and how it is written there."""


def engine_files():
    """Every source file of the engine."""
    for folder in ("bench", "models"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).parts
            own = folder == "models" and (path.name in OWN_FILES or parts[1] in OWN_FOLDERS)
            if own or parts[1] in ("studies", "peers"):
                continue
            yield path


def imports(source: str) -> Iterator[str]:
    """The modules, or names in them, that a source file imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield node.module
            if node.module.split(".")[0] == "hexbench":
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def findings(source: str) -> list[Found]:
    """All that a source file says that the engine may not know."""
    found = []
    for node in ast.walk(ast.parse(source)):
        line = getattr(node, "lineno", 0)
        found += [(line, *what) for what in _of_node(node)]
    return sorted(set(found))


def _of_node(node: ast.AST) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Constant):
        yield from _of_constant(node.value)
    for name in _identifiers(node):
        if WORDS["a model's class"].search(name) or WORDS["a model's name"].search(name.replace("_", " ")):
            yield "a model's name", name
    if isinstance(node, ast.Tuple | ast.List) and tuple(_numbers(node)) in PAIRS:
        yield "an image size of the report", ast.unparse(node)
    for name, value in _named_values(node):
        words = name.lower()
        for word, numbers in BESIDE.items():
            if word in words and numbers & set(_numbers(value)):
                yield f"a value of the report's {word}", f"{name}: {ast.unparse(value)}"


def _of_constant(value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        for what, pattern in WORDS.items():
            for match in pattern.finditer(value):
                around = value[max(0, match.start() - 20) : match.end() + 20]
                yield what, " ".join(around.split())
    elif type(value) is int and value in NUMBERS:
        yield "a number of the report", str(value)


def _identifiers(node: ast.AST) -> Iterator[str]:
    names = [getattr(node, field, None) for field in ("id", "attr", "arg", "name", "asname", "module")]
    names += getattr(node, "names", []) if isinstance(node, ast.Global | ast.Nonlocal) else []
    return (name for name in names if isinstance(name, str))


def _named_values(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Names with the values that stand beside them."""
    if isinstance(node, ast.keyword) and node.arg:
        yield node.arg, node.value
    if isinstance(node, ast.Assign):
        yield from ((ast.unparse(target), node.value) for target in node.targets)
    if isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and node.value is not None:
        yield ast.unparse(node.target), node.value
    if isinstance(node, ast.arguments):
        positional = [*node.posonlyargs, *node.args][len(node.posonlyargs + node.args) - len(node.defaults) :]
        pairs = [*zip(positional, node.defaults, strict=True)]
        pairs += zip(node.kwonlyargs, node.kw_defaults, strict=True)
        yield from ((argument.arg, value) for argument, value in pairs if value is not None)
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        yield from ((ast.unparse(one), two) for one in sides for two in sides if one is not two)
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        yield from (
            (key.value, value)
            for key, value in pairs
            if isinstance(key, ast.Constant) and isinstance(key.value, str)
        )


def _numbers(node: ast.AST) -> list[int]:
    """The numbers of a literal, or of a list of them."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return [number for part in node.elts for number in _numbers(part)]
    return [node.value] if isinstance(node, ast.Constant) and type(node.value) is int else []
