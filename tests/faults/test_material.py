"""Hostile material: none of it is installed, nothing good is refused, and nothing breaks the parser."""

import os
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from renewd.certs.bundle import Material
from renewd.certs.gate import Wanted, assemble, judge
from renewd.config.secrets import Secret
from renewd.errors import MaterialRefused
from renewd.renewal import events, passes
from renewd.sandbox.material import SPOILS
from tests.clocks import FakeClock
from tests.faults import figures
from tests.faults.hostile import kinds, malformed, unwanted
from tests.world import World, results

ALL = os.environ.get("RENEWD_SWEEP") == "all"
MUTATIONS = 10_000 if ALL else 300
NOW = malformed.GOOD.leaf.not_valid_before_utc + unwanted.HOUR
WHOLE = malformed.KEY + malformed.FULL
DER = (
    malformed.GOOD.leaf.public_bytes(Encoding.DER),
    malformed.CA.intermediate.public_bytes(Encoding.DER),
    malformed.GOOD.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
)
PFX = malformed.pfx(password=b"secret")


@pytest.mark.fault(32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42)
@pytest.mark.parametrize("kind", kinds.WRONG.values(), ids=kinds.WRONG)
def test_wrong_material_is_refused_in_words(kind: kinds.Kind):
    refusals = kind.refusals()
    figures.record("hostile material", kinds=1, installed=int(not refusals))
    assert refusals
    lines_of_keys = {line.decode() for line in malformed.KEY.splitlines()}
    for refusal in refusals:
        assert refusal.isprintable()
        assert len(refusal) < 900
        assert not set(refusal.split()) & lines_of_keys


@pytest.mark.fault(44)
@pytest.mark.parametrize("kind", kinds.RIGHT.values(), ids=kinds.RIGHT)
def test_good_material_is_taken(kind: kinds.Kind):
    refusals = kind.refusals()
    figures.record("good material", kinds=1, refused=int(bool(refusals)))
    assert refusals == []


def test_the_corpus_is_as_large_as_promised():
    assert len(kinds.WRONG) >= 60
    assert len(kinds.RIGHT) >= 15


def judged(material: Material) -> None:
    """Refused in words, or taken for what it is; anything else is raised."""
    taken = None
    try:
        taken = assemble(material)
        problems = judge(taken, Wanted(unwanted.NAMES, (malformed.CA.root,)), NOW)
    except MaterialRefused as refused:
        problems = list(refused.problems)
    figures.record("material mutations", tried=1)
    assert problems or (taken is not None and taken.leaf == malformed.GOOD.leaf)


def changed(content: bytes, edits: list[tuple[float, bytes, int]]) -> bytes:
    """With bytes replaced at these places, as many gone as the last number says."""
    for where, new, gone in edits:
        at = int(where * len(content))
        content = content[:at] + new + content[at + gone :]
    return content


EDITS = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=4), st.integers(0, 4)), max_size=4
)


@pytest.mark.fault(41, 43)
@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@settings(max_examples=MUTATIONS)
@given(EDITS)
def test_no_change_to_the_text_breaks_the_parser(edits: list[tuple[float, bytes, int]]):
    judged(Material(pem=(changed(WHOLE, edits),)))


@pytest.mark.fault(41, 43)
@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # of a change that makes it negative
@settings(max_examples=MUTATIONS)
@given(EDITS, EDITS, EDITS)
def test_no_change_within_the_objects_breaks_the_parser(leaf, chain, key):
    parts = zip(("CERTIFICATE", "CERTIFICATE", "PRIVATE KEY"), DER, (leaf, chain, key), strict=True)
    judged(Material(pem=tuple(malformed.wrapped(label, changed(der, edits)) for label, der, edits in parts)))


@pytest.mark.fault(40, 43)
@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@settings(max_examples=MUTATIONS // 4)
@given(EDITS)
def test_no_change_to_a_pfx_breaks_the_parser(edits: list[tuple[float, bytes, int]]):
    judged(Material(pfx=changed(PFX, edits), password=Secret("secret")))


NAME = "contoso.com"
SAMPLE = 1 if ALL else 45
REACHABLE = [  # what goes through a download whole: no web page, not empty, one megabyte at most
    name
    for name, kind in kinds.WRONG.items()
    if name.startswith("form: ") and "web page" not in name and (text := b"\n".join(kind.make().pem)).strip() and text.isascii() and len(text) < 1 << 20
]  # fmt: skip


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    world = World(tmp_path, clock)
    yield world
    world.close()


def renew(world: World) -> str:
    context = world.context(NAME)
    return results(passes.run(context, context.loaded.targets))[NAME]


def held_for_a_day(world: World, clock: FakeClock, *faults: tuple[str, str]) -> None:
    """With these faults a renewal ends with nothing changed but the quarantine, and none is tried again for a day."""
    world.sandbox.seed(NAME, days_left=35)
    renew(world)
    before = world.files()
    world.sandbox.portal.holdings[NAME].validated_at = None
    clock.advance(timedelta(days=10))
    for call, fault in faults:
        world.sandbox.fault(call, fault, None)
    assert renew(world) == "failed"
    orders, finalized = world.calls(NAME, "order"), world.calls(NAME, "finalize")
    assert orders == finalized == 1
    for _ in range(4):
        clock.advance(timedelta(hours=5, minutes=45))
        renew(world)
    assert (world.calls(NAME, "order"), world.calls(NAME, "finalize")) == (orders, finalized)
    assert world.files() == before
    assert world.told(events.Refused)
    kept = list(world.folder.rglob("problems.txt"))
    assert kept
    for file in kept:
        assert file.read_text().strip()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.fault(41, 42)
@pytest.mark.parametrize("kind", REACHABLE[::SAMPLE])
def test_hostile_material_is_quarantined_and_the_live_files_stay_byte_for_byte(
    world: World, clock: FakeClock, kind: str
):
    text = b"\n".join(kinds.WRONG[kind].make().pem).decode()
    held_for_a_day(
        world, clock, ("finalize", "only-pem"), ("certificate", "only-pem"), ("pemUrl", f"body={text}")
    )


@pytest.mark.fault(32, 33, 34, 36, 37)
@pytest.mark.parametrize("spoil", sorted(set(SPOILS) - {"empty-chain"}))  # that one is no material at all
def test_a_certificate_that_is_not_what_was_ordered_is_not_ordered_again(
    world: World, clock: FakeClock, spoil: str
):
    held_for_a_day(world, clock, ("finalize", spoil))
