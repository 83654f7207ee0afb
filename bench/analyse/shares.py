"""Refuses percentages where the options of a claim's rule are shares, as accuracies are."""

from collections.abc import Iterable

from hexbench.analyse.parsing import Claim
from hexbench.analyse.quantities import SHARES, Part
from hexbench.errors import BadInput

OPTIONS = {
    "near": ("value", "margin", "rounding"),
    "above": ("bound",),
    "below": ("bound",),
    "equals": ("value",),
    "draws": ("value",),
    "rising_share": ("bound",),
    "images_needed": ("reach",),
}
"""By rule, those in the unit of what is judged."""


def check_shares(claims: Iterable[Claim]) -> None:
    """BadInput names the claim of accuracies that has a number beyond -1 to 1, and what was meant."""
    for claim in claims:
        parts = [part for one in (claim, *claim.readings, *claim.details) for part in one.parts]
        for part in parts:
            _check(part, f"{claim.where}: claim {claim.id!r}")


def _check(part: Part, where: str) -> None:
    if part.kind == "ratio" or not part.of or not {q.metric for q in part.of} <= set(SHARES):
        return
    for name in OPTIONS.get(part.rule, ()):
        value = part.options.get(name, 0)
        if isinstance(value, int | float) and abs(value) > 1:
            raise BadInput(
                f"{where}: {name} = {value:g}: accuracies are shares from 0 to 1, so that {value:g}% is "
                f"written {value / 100:g}."
            )
