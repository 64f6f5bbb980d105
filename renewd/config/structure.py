"""From plain values to models: every fault of the structure, and as much of a model as the rest allows."""

import copy
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from renewd.config.findings import Findings
from renewd.config.settings import Misfit
from renewd.config.spots import Path

M = TypeVar("M", bound=BaseModel)
_KEY = "[key]"  # what pydantic puts into a place and the file does not hold; so are the tags of unions, in <>


def settle(model: type[M], raw: Any, findings: Findings, at: Path = ()) -> M | None:
    """The model of what is right in `raw`, which stands at `at`; what is wrong goes to the findings and is left out.

    None if nothing can be left out so that the rest is right.
    """
    kept = _Kept(raw)
    while True:
        try:
            return model.model_validate(kept.value)
        except ValidationError as error:
            details = sorted(error.errors(include_url=False), key=lambda each: each["type"] == "missing")
        wrong = kept.standing([place for each in details for place in _report(each, kept, findings, at)])
        for place in wrong:
            findings.drop((*at, *kept.locate(place)[0]))
        if () in wrong:
            return None
        kept.take_out(wrong)


def _report(error: ErrorDetails, kept: "_Kept", findings: Findings, at: Path) -> Iterator[Path]:
    """Add the error's faults to the findings; the places in what is kept that are to be left out."""
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, Misfit):
        for problem in cause.problems:
            written, place = kept.locate((*error["loc"], *problem.path))
            findings.add((*at, *written), problem.wrong, problem.right)
            yield place
        return
    from renewd.config import wording

    written, place = kept.locate(error["loc"])
    findings.add(*wording.say(error, (*at, *written), findings))
    yield place


class _Kept:
    """What is left of a value; it is copied before anything is taken out."""

    def __init__(self, raw: Any) -> None:
        self.value = raw
        self._copied = False
        self._indexes: dict[int, list[int]] = {}  # of a shortened list, by id: where its items stood

    def locate(self, loc: Path) -> tuple[Path, Path]:
        """Where pydantic's place is in the file, and where in what is left."""
        here = self.value
        written: list[str | int] = []
        place: list[str | int] = []
        for part in loc:
            if isinstance(here, dict) and isinstance(part, int):
                continue  # an item that was written without a list around it
            if _is_virtual(part) and not (isinstance(here, dict) and part in here):
                continue
            if isinstance(here, list) and isinstance(part, int):
                written.append(self._indexes.get(id(here), range(len(here)))[part])
                here = here[part]
            elif isinstance(here, dict):
                written.append(part)
                here = here.get(part)
            else:
                break
            place.append(part)
        return tuple(written), tuple(place)

    def standing(self, places: Iterable[Path]) -> list[Path]:
        """What has to go for these places: a missing key goes with what it is missing from, and nothing goes twice."""
        found = {self._there(place) for place in places}
        outermost = [
            place for place in found if all(place[:length] not in found for length in range(len(place)))
        ]
        return sorted(outermost, reverse=True)  # a list's last item first: no index moves before it is used

    def _there(self, place: Path) -> Path:
        """As much of the place as is there."""
        here = self.value
        for length, part in enumerate(place):
            keys = here if isinstance(here, dict) else range(len(here)) if isinstance(here, list) else ()
            if part not in keys:
                return place[:length]
            here = here[part]
        return place

    def take_out(self, places: Iterable[Path]) -> None:
        """Take out what stands at the places, which `standing` gave."""
        if not self._copied:
            self.value, self._copied = copy.deepcopy(self.value), True
        for place in places:
            self._take(place)

    def _take(self, place: Path) -> None:
        *above, part = place
        holder = self.value
        for each in above:
            holder = holder[each]
        if isinstance(part, int):
            del self._indexes.setdefault(id(holder), list(range(len(holder))))[part]
        del holder[part]


def _is_virtual(part: str | int) -> bool:
    return isinstance(part, str) and (part == _KEY or (part.startswith("<") and part.endswith(">")))
