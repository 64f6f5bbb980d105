"""certbot's settings are read as certbot itself reads them, by ConfigObj."""

import json
import random
import subprocess
from typing import Any

import pytest

from renewd.importers import ini
from tests.servers import program

_BY_CONFIGOBJ = """
import json, sys, configobj
def read(text):
    try:
        return configobj.ConfigObj(text.split("\\n"), interpolation=False).dict()
    except configobj.ConfigObjError:
        return None
def written(settings):
    try:
        return "\\n".join(configobj.ConfigObj(settings, interpolation=False).write())
    except configobj.ConfigObjError:
        return ""
texts, settings = json.load(sys.stdin)
texts += map(written, settings)
json.dump([texts, [read(text) for text in texts]], sys.stdout)
"""
_SIGNS = "ab c,#'\"=[]\\%é/-.:;$\t"
_ODD = ["[[a]]\nb = c", "[a]\n[[[b]]]", "[a\n", "a = 1\na = 2", "a = '''x\ny''' # z", "\n# a\n", "a = b, # c"]


def some(chance: random.Random, longest: int) -> str:
    return "".join(chance.choice(_SIGNS) for _ in range(chance.randint(0, longest)))


def written_by_people(chance: random.Random) -> str:
    """A text of the kind, right or wrong."""
    quote = chance.choice(["", "'", '"', "'''", '"""'])
    value = ", ".join(f"{quote}{some(chance, 6)}{quote}" for _ in range(chance.randint(1, 3)))
    last = f"{some(chance, 3)}x = {some(chance, 4)}"
    return f"cert = /a\n[renewalparams]\nkey = {value}\n[[webroot_map]]\n{last}"


def settings(chance: random.Random) -> dict[str, Any]:
    """Settings as certbot has them, with values of all kinds."""
    one, two, *both, last = (some(chance, 8) for _ in range(5))
    return {"cert": one, "renewalparams": {"a": two, "b": both, "webroot_map": {"c": last}}}


@pytest.fixture(scope="module")
def read_by_configobj() -> tuple[list[str], list[Any]]:
    """Texts, and what ConfigObj makes of each, None if it refuses it; the last thousand it wrote itself."""
    chance = random.Random(5)
    texts = [*_ODD, *(written_by_people(chance) for _ in range(3000))]
    program("certbot", "certbot")  # brings ConfigObj with it
    said = subprocess.run(
        ["/usr/bin/python3", "-c", _BY_CONFIGOBJ],
        input=json.dumps([texts, [settings(chance) for _ in range(1000)]]),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    made, theirs = json.loads(said.stdout)
    return made, theirs


def test_what_configobj_wrote_is_read_as_it_reads_it(read_by_configobj):
    made, theirs = read_by_configobj
    assert [ours(text) for text in made[-1000:]] == theirs[-1000:]


def test_what_people_wrote_is_read_as_it_reads_it_or_refused(read_by_configobj):
    made, theirs = read_by_configobj
    pairs = [(ours(text), read) for text, read in zip(made, theirs, strict=True)]
    assert [(mine, read) for mine, read in pairs if mine not in (None, read)] == []
    assert sum(mine is None and read is not None for mine, read in pairs) < 50, (
        "what is refused is odd indeed"
    )
    assert sum(read is not None for _, read in pairs) > 1500


def ours(text):
    try:
        return ini.read(text)
    except ini.Malformed:
        return None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[a]\nb", "line 2: it is neither a setting nor a section"),
        ("a = 'b", "line 1: a quote or a comma is in the wrong place"),
        ("a = '''b\nc", "line 1: three quotes are never closed"),
        ("a = 1\n\na = 2", "line 3: a is there twice"),
        ("[a]]\n", "line 1: the brackets do not match"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text, why):
    with pytest.raises(ini.Malformed) as caught:
        ini.read(text)
    assert str(caught.value) == why
