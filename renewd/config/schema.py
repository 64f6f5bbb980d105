"""The JSON Schema of the file: for editors, and for telling which keys are known at a place."""

from collections.abc import Iterator
from datetime import timedelta
from functools import lru_cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from renewd.config.model import Configuration
from renewd.config.spots import Path
from renewd.config.units import RenewBefore, show_duration

Schema = dict[str, Any]


class _AsWritten(GenerateJsonSchema):
    """Defaults as people write them in the file."""

    def encode_default(self, dft: Any) -> Any:
        """The default as it would stand in the file."""
        if isinstance(dft, timedelta):
            return show_duration(dft)
        if isinstance(dft, RenewBefore):
            return str(dft)
        return super().encode_default(dft)


def json_schema(model: type[BaseModel] = Configuration) -> Schema:
    """The schema of the whole file, as JSON Schema 2020-12."""
    schema = model.model_json_schema(schema_generator=_AsWritten)
    _drop_noise(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _drop_noise(schema: Any) -> None:
    """Without defaults that say nothing (none, empty, a mapping of defaults), and without titles that repeat the key."""
    if isinstance(schema, list):
        for item in schema:
            _drop_noise(item)
    if not isinstance(schema, dict):
        return
    if schema.get("default", 0) in (None, [], {}) or isinstance(schema.get("default"), dict):
        del schema["default"]
    for key, value in schema.items():
        _drop_noise(value)
        if key == "properties":
            for described in value.values():
                described.pop("title", None)


class Known:
    """What a model knows, place by place."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._root = json_schema(model)

    def keys(self, path: Path, kind: object = None) -> tuple[str, ...]:
        """The keys that a mapping at the path may have; where there are several kinds of it, one whose `type` is `kind`."""
        schemas = [schema for schema in self._at(path) if kind is None or _may_be(schema, kind)]
        named = (key for schema in schemas for key in schema.get("properties", ()))
        chosen = (key for schema in schemas for key in schema.get("propertyNames", {}).get("enum", ()))
        return tuple(dict.fromkeys([*named, *chosen]))

    def is_secret(self, path: Path) -> bool:
        """Whether the path leads to a secret's source or into one: nothing that stands there is ever repeated."""
        places = (path[:length] for length in range(1, len(path) + 1))
        return any(schema.get("title") == "SecretSource" for place in places for schema in self._at(place))

    def takes_text(self, path: Path) -> bool:
        """Whether a text may stand at the path, if only instead of something else."""
        return any(schema.get("type") == "string" for schema in self._at(path))

    def words(self, path: Path) -> tuple[str, ...]:
        """The words that may stand at the path, if it takes a choice of words."""
        schemas = self._at(path)
        words = (
            word
            for schema in schemas
            for word in (*schema.get("enum", ()), *((schema["const"],) if "const" in schema else ()))
        )
        return tuple(dict.fromkeys("true" if word is True else str(word) for word in words))

    def example(self, path: Path) -> Any:
        """An example of what may stand at the path; None if there is none."""
        return next((schema["examples"][0] for schema in self._at(path) if schema.get("examples")), None)

    def _at(self, path: Path) -> list[Schema]:
        schemas = list(self._flat(self._root))
        for part in path:
            schemas = [
                found
                for schema in schemas
                for child in _children(schema, part)
                for found in self._flat(child)
            ]
        return schemas

    def _flat(self, schema: Schema) -> Iterator[Schema]:
        """The schema, and what it refers to or lets one choose from."""
        yield schema
        if "$ref" in schema:
            yield from self._flat(self._root["$defs"][schema["$ref"].rpartition("/")[2]])
        for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
            yield from self._flat(choice)


def _may_be(schema: Schema, kind: object) -> bool:
    said = schema.get("properties", {}).get("type", {})
    return bool(said.get("const", kind) == kind)


def _children(schema: Schema, part: str | int) -> Iterator[Schema]:
    if isinstance(part, int):
        child = schema.get("items")
    else:
        child = schema.get("properties", {}).get(part, schema.get("additionalProperties"))
    if isinstance(child, dict):
        yield child


@lru_cache(maxsize=4)
def known(model: type[BaseModel]) -> Known:
    """What the model knows, made once."""
    return Known(model)
