"""YAML as plain values: bounded, each key once, what is odd stays odd."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from renewd.config.document import Broken, Document, show
from renewd.config.scalars import Odd

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=30,
)


@given(value=PLAIN, flow=st.booleans())
def test_what_yaml_writes_is_read_back(value, flow):
    text = yaml.safe_dump(value, default_flow_style=flow)
    assert Document("f", text).read()[0] == value


SCALARS = {
    "~": None,
    "": None,
    "yes": True,
    "Off": False,
    "12": 12,
    "-3": -3,
    "0640": 640,
    "'no'": "no",
    "!!str 12": "12",
    "22:30": Odd("22:30"),
    "1.5": Odd("1.5"),
    "0x1f": Odd("0x1f"),
    "2026-11-23": Odd("2026-11-23"),
    "9" * 5000: Odd("9" * 5000),
    "=": "=",
    "1/3": "1/3",
    "30d": "30d",
}


@pytest.mark.fault(75)
@pytest.mark.parametrize(("text", "value"), SCALARS.items(), ids=[text[:10] or "nothing" for text in SCALARS])
def test_a_scalar_is_read_as(text, value):
    assert Document("f", f"a: {text}").read()[0] == {"a": value}


def test_keys_are_texts_as_written():
    assert Document("f", "{1: a, no: b, ~: c, 'x': d}").read()[0] == {"1": "a", "no": "b", "~": "c", "x": "d"}


def test_merged_keys_give_way_to_what_is_written_and_to_earlier_merges():
    text = "a: &a {x: 1, y: 1, z: 1}\nb: &b {y: 2, w: 2}\nc: {x: 3, <<: [*a, *b]}\n"
    assert Document("f", text).read()[0]["c"] == {"x": 3, "y": 1, "z": 1, "w": 2}


BROKEN = {
    "brackets without end": ("[" * 50_000, "1: it is nested more than 32 deep; write it flatter"),
    "dashes without end": ("- " * 50_000, "1: it is nested more than 32 deep; write it flatter"),
    "braces without end": ("{a: " * 50_000, "1: it is nested more than 32 deep; write it flatter"),
    "an alias without anchor": ("a: *b", "1: a: an alias stands here, and its anchor is not above it"),
    "an alias in itself": ("a: &a [*a]", "1: a: an alias stands inside of what it stands for"),
    "an alias of a list as a key": (
        "a: &a []\n*a : b",
        "2: a: an alias of no text stands where a key belongs",
    ),
    "a list as a key": ("? [a]\n: b", "1: a list or mapping stands where a key belongs"),
    "a merge of a text": ("a: {<<: b}", "1: a: << takes in mappings, and this is none; write <<: *anchor"),
    "two documents": ("a: b\n---\nc: d", "a second document begins here; write one document"),
    "a tab": ("a:\n\tb: c", "2: a tab is used to indent; use spaces"),
    "a quote without end": ("a: b\nc: 'd\ne: f", "2: a quote is opened here and never closed; close it"),
    "a list without end": ("a: [b\nc: d", "1: a list is opened here with [ and not closed"),
    "a mapping without end": ("a: {b: c\nd: e", "1: a mapping is opened here with { and not closed"),
    "a bracket without anything": ("a: b\nc: [", "2: the text ends before a bracket is closed"),
    "a bracket too many": ("a: ]", "1: a bracket or comma stands where a value belongs"),
    "two colons": ("a: b: c", "1: a colon stands where no key can be"),
    "wrong indentation": ("a:\n  b: 1\n c: 2", "3: this line belongs to nothing above it"),
    "a key after a list": ("- a\nb: c", "2: this line is no item of the list above it"),
    "a list within a line": ("a: - b", "1: a list begins in the middle of a line"),
    "a key without colon": ("a: b\nccc\nd: e", "3: a key has no colon; write key: value"),
    "a wrong escape": ('a: "\\q"', "1: a backslash in double quotes begins nothing that YAML knows"),
    "an escape that is no character": ('a: "\\ud800"', "1: an escape in double quotes is no character"),
    "text after a bar": ("a: | x", "1: text stands after | or >"),
    "a reserved sign": ("a: @b", "1: a text begins with @; write it in quotes"),
    "a control character": ("a: b\nc: \x07", "2: a control character is in the text; remove it"),
    "anything else": (
        "%YAML 3.0\n---\na: b",
        "1: this is not YAML; look at its indentation, quotes and brackets",
    ),
}


@pytest.mark.fault(74)
@pytest.mark.parametrize(("text", "expected"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_yaml_is_told_in_one_plain_line(text, expected):
    with pytest.raises(Broken) as caught:
        Document("f", text).read()
    (fault,) = caught.value.faults
    assert expected in str(fault)
    assert "\n" not in str(fault)


@pytest.mark.fault(76)
def test_an_alias_bomb_is_stopped_before_it_goes_off():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(Broken, match="aliases stand for more than 250000 values"):
        Document("f", "\n".join(lines)).read()


@pytest.mark.fault(74)
def test_every_repeated_key_is_told_with_both_lines_and_what_is_broken_after_it():
    with pytest.raises(Broken) as caught:
        Document("f", "a: {b: 1, b: 2}\nc: 1\n'c': 2\nd: [").read()
    assert [str(fault) for fault in caught.value.faults] == [
        "f:1: a.b: the same key as in line 1; keep one of them",
        "f:3: c: the same key as in line 2; keep one of them",
        "f:4: the text ends before a bracket is closed; close it with ] or }",
    ]


READ_ON = {
    "a tag": ("a: !!python/object/apply:os.system [x]\nb: 1", ("a",), {"a": ["x"], "b": 1}),
    "a tag of its own": ("a: !secret 12\nb: 1", ("a",), {"a": "12", "b": 1}),
    "a tag in a list": ("a: [x, !secret y, z]", ("a", 1), {"a": ["x", "y", "z"]}),
    "a tag at a list's beginning": ("a: [!secret x]", ("a", 0), {"a": ["x"]}),
    "a repeated key": ("a: {b: 1, b: 2}", ("a", "b"), {"a": {"b": 2}}),
}


@pytest.mark.fault(74, 75)
@pytest.mark.parametrize(("text", "path", "value"), READ_ON.values(), ids=READ_ON)
def test_behind_what_is_wrong_but_clear_reading_goes_on(text, path, value):
    read, (flaw,) = Document("f", text).read()
    assert (flaw.path, read) == (path, value)


def test_a_place_is_found_at_its_key_or_at_what_is_around_it():
    document = Document("f", "a:\n  b:\n    - c: 22:30\n    -\n      d\ne: &x {f: 1}\ng: *x\n")
    lines = {("a",): 1, ("a", "b"): 2, ("a", "b", 0, "c"): 3, ("a", "b", 1): 5, ("a", "b", 7): 2}
    assert {path: document.line(path) for path in lines} == lines
    assert document.line(("g", "f")) == 7
    assert document.line(("z",)) is None
    assert document.written(("a", "b", 0, "c")) == "22:30"
    assert document.written(("a", "b", 1)) is None


def test_a_path_is_shown_as_people_write_it():
    assert show(("certificates", 1, "hooks", "reload")) == "certificates[1].hooks.reload"
    assert show(("a\nb",)) == "'a\\nb'"
