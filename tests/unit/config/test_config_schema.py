"""The schema, the documented example and the start that init prints know the same keys as the models."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from renewd.config import load
from renewd.config.model import Configuration
from renewd.config.schema import json_schema, known
from renewd.config.template import starting_configuration

EXAMPLE = Path(__file__).parents[3] / "config.example.yaml"


def definitions() -> Iterator[tuple[str, dict[str, Any]]]:
    schema = json_schema()
    yield "Configuration", schema
    yield from schema["$defs"].items()


def written(value: Any) -> Iterator[str]:
    """Every key in a document."""
    if isinstance(value, dict):
        yield from ("on" if key is True else key for key in value)  # which is what YAML 1.1 makes of it
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from written(item)


KEYS = {f"{name}.{key}": key for name, schema in definitions() for key in schema.get("properties", ())}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_every_key_stands_in_the_example(key):
    """Add it to config.example.yaml, with a comment."""
    assert key in set(written(yaml.safe_load(EXAMPLE.read_text())))


@pytest.mark.parametrize("kind", ["fullchain", "key", "cert", "chain", "combined", "pfx"])
def test_every_kind_of_file_stands_in_the_example(kind):
    assert kind in known(Configuration).keys(("certificates", 0, "install", 1, "files"))
    assert kind in set(written(yaml.safe_load(EXAMPLE.read_text())))


@pytest.mark.parametrize(("name", "schema"), list(definitions()), ids=[name for name, _ in definitions()])
def test_everything_is_described(name, schema):
    assert schema["description"]
    assert not schema.get("additionalProperties", False) or name in {"Configuration", "DnsProvider"}
    for key, said in schema.get("properties", {}).items():
        target = said.get("$ref", "").rpartition("/")[2]
        assert said.get("description") or json_schema()["$defs"][target]["description"], f"{name}.{key}"


def test_the_example_loads():
    """Its own faults are none; what this machine lacks is another matter."""
    assert len(load.load(str(EXAMPLE)).targets) == 9


def test_the_start_loads_and_so_do_the_keys_it_only_suggests(write):
    start = starting_configuration()
    assert len(load.load(write(start)).targets) == 1
    assert 30 <= len(start.splitlines()) <= 45
    suggested = start.replace("    webroot:", "    # webroot:").replace("    # listen:", "    listen:")
    suggested = suggested.replace("  # confirm:", "  confirm:").replace("# schedule:", "schedule:")
    suggested = "\n".join(
        line.replace("  # ", "  ", 1) if line.startswith(("  # -", "  #   ")) else line
        for line in suggested.splitlines()
    )
    loaded = load.load(write(suggested))
    assert len(loaded.targets) == 4
    assert loaded.targets[0].challenge.listen == "127.0.0.1:8402"
    assert loaded.targets[0].entry.confirm.connect == ("127.0.0.1:443",)


def test_the_schema_is_plain_json_with_values_as_people_write_them():
    schema = json.loads(json.dumps(json_schema()))
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["required"] == ["issuers"]
    assert schema["$defs"]["Schedule"]["properties"]["every"]["default"] == "12h"
    assert schema["$defs"]["Install"]["properties"]["mode"]["type"] == "string"
    assert schema["$defs"]["Install"]["properties"]["mode"]["default"] == "0600"
    assert schema["$defs"]["Certificate"]["properties"]["renew_before"]["default"] == "1/3"
    assert {"type": "string"} in schema["$defs"]["Hooks"]["properties"]["check"]["anyOf"]


def test_what_is_known_where():
    places = known(Configuration)
    assert places.keys(("certificates", 3, "confirm")) == ("connect", "starttls", "server_name", "within")
    assert places.words(("log", "level")) == ("debug", "info", "warning", "error")
    assert places.words(("issuers", "x", "type")) == ("rcl", "rcl-v8", "acme")
    assert places.example(("issuers", "x", "subscription_id")) == "sub_df45ghfh463nfhh"
    assert places.example(("nowhere",)) is None
    assert places.is_secret(("issuers", "x", "api_key", "file"))
    assert not places.is_secret(("issuers", "x", "base_url"))
    assert places.takes_text(("certificates", 0, "hooks", "check"))
