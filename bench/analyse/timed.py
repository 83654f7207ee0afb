"""Which cells claims about time rest on."""

from collections.abc import Iterable, Iterator

from hexbench.analyse.groups import ANY, TIMES, Selection
from hexbench.analyse.parsing import Claim
from hexbench.analyse.runs import Runs


def timed_cells(claims: Iterable[Claim], runs: Runs) -> set[str]:
    """Keys of the cells whose times are part of a claim or of a reading of it, at any training size."""
    found = set()
    for selection in _selections(claims):
        named = (name for name in ("images", "fitted") if name in selection.wanted)
        for _, group in runs.found(selection.but(**{next(named, "train_size"): ANY})):
            found |= {record.key for record in (*group.records, *group.failed)}
    return found


def _selections(claims: Iterable[Claim]) -> Iterator[Selection]:
    for claim in claims:
        for part in (*claim.parts, *(part for reading in claim.readings for part in reading.parts)):
            for quantity in part.of:
                if quantity.metric in TIMES:
                    yield quantity.selection
                    if quantity.otherwise is not None:
                        yield quantity.otherwise
