"""What the models of the file share: their base, values of one or many, and faults inside a mapping."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import ModuleType
from typing import Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from renewd.config.spots import Path
from renewd.config.units import duration, show_duration


def _without_plugins() -> None:
    """Let pydantic not look through every installed package for plugins to itself: a tenth of the time `check` takes.

    It has to be before the first model. A pydantic that keeps them elsewhere is not touched, and looks.
    """
    loader = ModuleType("pydantic.plugin._loader")
    loader.get_plugins = tuple  # type: ignore[attr-defined]  # called without arguments: there are none
    sys.modules.setdefault(loader.__name__, loader)


_without_plugins()


class Settings(BaseModel):
    """What every part of the file shares: unknown keys are errors, and nothing changes after loading."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True
    )


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong inside a mapping; `path` leads from the mapping to the place."""

    path: Path
    wrong: str
    right: str = ""


class Misfit(ValueError):
    """A mapping whose values, each right by itself, do not fit together."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("the values do not fit together")
        self.problems = tuple(problems)


def fit(problems: Sequence[Problem]) -> None:
    """Nothing, if there are no problems. Raises Misfit otherwise."""
    if problems:
        raise Misfit(problems)


@dataclass(frozen=True, slots=True)
class OneOrMany:
    """In the JSON schema: an item, or one of the `others` that stand for it, is as good as a list of them."""

    others: tuple[JsonSchemaValue, ...] = ()

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """What the item may be, or a list of that."""
        many = handler(core)
        one = [*self.others, many.pop("items")]
        items = {"anyOf": one} if self.others else one[0]
        return {"anyOf": [*one, {"type": "array", "items": items}]}


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


listed = BeforeValidator(_listed)  # one item without a list around it is a list of one


def between(shortest: str, longest: str = "3650d") -> AfterValidator:
    """A duration within these bounds, both included."""
    low, high = duration(shortest), duration(longest)

    def check(length: timedelta) -> timedelta:
        if low <= length <= high:
            return length
        size, bound = ("short", f"{shortest} or more") if length < low else ("long", f"{longest} or less")
        raise ValueError(f"{show_duration(length)} is too {size}; write {bound}")

    return AfterValidator(check)


def matching(pattern: Callable[[str], object], right: str) -> AfterValidator:
    """A text that the pattern's fullmatch accepts; `right` says in words what that is."""

    def check(text: str) -> str:
        if not pattern(text):
            raise ValueError(f"{text!r} is not right here; {right}")
        return text

    return AfterValidator(check)
