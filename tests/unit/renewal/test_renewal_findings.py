"""The newest findings, as they are kept."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from renewd.renewal import findings
from renewd.renewal.findings import Finding

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
FULL = Finding("a.example", "blocks", "the disk of /x has 37 KiB left", "make room")
WELL = Finding("a.example", "ok", "the clock agrees")


def test_what_is_kept_is_read_again_and_what_is_well_is_not_kept(tmp_path: Path):
    newest = findings.of([FULL, WELL], NOW, None)
    findings.keep(str(tmp_path), {"a": newest, "b": findings.of([WELL], NOW, None)}, {"a", "b"})
    read = findings.read(str(tmp_path))
    assert read["a"] == newest
    assert read["a"].blocks
    assert (read["b"].findings, read["b"].blocks) == ((), False)


def test_others_are_kept_too_and_what_is_not_watched_any_more_is_forgotten(tmp_path: Path):
    for name, watched in (("a", {"a"}), ("b", {"a", "b"}), ("c", {"b", "c"})):
        findings.keep(str(tmp_path), {name: findings.of([FULL], NOW, None)}, watched)
    assert set(findings.read(str(tmp_path))) == {"b", "c"}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"targets": 3}', '{"targets": {"a": {}}}', '{"targets": {"a": {"at": "2026-11-23"}}}']
)  # fmt: skip
def test_a_file_that_is_torn_tells_nothing_and_is_written_anew(tmp_path: Path, text: str):
    (tmp_path / findings.FILE).write_text(text)
    assert findings.read(str(tmp_path)) == {}
    findings.keep(str(tmp_path), {"a": findings.of([FULL], NOW, None)}, {"a"})
    assert set(findings.read(str(tmp_path))) == {"a"}


def test_where_it_cannot_be_written_nothing_else_is_lost(tmp_path: Path):
    (tmp_path / "state").write_text("in the way")
    findings.keep(str(tmp_path / "state"), {"a": findings.of([FULL], NOW, None)}, {"a"})
    os.mkdir(tmp_path / findings.FILE)
    findings.keep(str(tmp_path), {"a": findings.of([FULL], NOW, None)}, {"a"})
    assert sorted(os.listdir(tmp_path)) == [findings.FILE, "state"]


def test_the_same_trouble_with_other_numbers_is_the_same_one():
    other = Finding("a.example", "blocks", "the disk of /x has 12 KiB left", "make room")
    assert findings.mark([FULL, WELL]) == findings.mark([other])
    assert findings.mark([FULL]) != findings.mark([Finding("a.example", "warns", FULL.what)])
    assert findings.mark([WELL]) == ""
