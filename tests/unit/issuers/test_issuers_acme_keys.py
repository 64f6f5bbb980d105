"""Keys for orders at an ACME CA: stored before they are used, told apart by whose they are, and gone when nobody needs them."""

import os
from pathlib import Path

import pytest

from renewd.config.model import Certificate
from renewd.config.targets import Target
from renewd.errors import OrderGone
from renewd.issuers import acme_keys
from renewd.issuers.acme_keys import ORPHANED, UNUSED, Keys

EC = "ecdsa-p256"
LONG = ",".join(f"host-{turn}.example.com" for turn in range(40))


def target(name: str, *domains: str) -> Target:
    return Target(name, Certificate(name=name, domains=domains), "le")


A, B, MANY = target("a.example"), target("b.example", "b.example", "www.b.example"), target(LONG)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def keys(state: Path) -> Keys:
    return Keys(str(state / "acme" / "le" / "keys"))


def found(state: Path, *targets: Target) -> set[str]:
    slugs, identities = {each.slug for each in targets}, {each.identity for each in targets}
    return {os.path.basename(path) for path in acme_keys.found(str(state), slugs, identities)}


def test_a_key_is_its_owners_alone_and_another_one_for_each_order(state: Path, keys: Keys):
    first, second = (keys.make(A, EC, reuse=False) for _ in range(2))
    assert keys.load(first).private_numbers() != keys.load(second).private_numbers()
    assert {path.stat().st_mode & 0o777 for path in (state / "acme/le/keys").iterdir()} == {0o600}


def test_a_key_to_be_used_again_is_until_it_is_forgotten(keys: Keys):
    first = keys.make(A, EC, reuse=True)
    assert keys.make(A, EC, reuse=True) == first
    keys.forget(A)
    with pytest.raises(OrderGone):
        keys.load(first)


def test_what_nothing_was_ordered_for_is_dropped_unless_it_is_to_be_used_again(keys: Keys):
    once, again = keys.make(A, EC, reuse=False), keys.make(A, EC, reuse=True)
    keys.drop(once)
    keys.drop(again)
    with pytest.raises(OrderGone):
        keys.load(once)
    assert keys.load(again)


def test_what_nothing_can_need_any_more_is_swept(state: Path, keys: Keys):
    once, again = keys.make(A, EC, reuse=False), keys.make(A, EC, reuse=True)
    now = (state / "acme/le/keys" / once).stat().st_mtime
    keys.sweep(now + ORPHANED - 60)
    assert keys.load(once)
    keys.sweep(now + ORPHANED + 60)
    with pytest.raises(OrderGone):
        keys.load(once)
    keys.sweep(now + UNUSED - 60)
    assert keys.load(again)


def test_a_targets_keys_are_found_at_every_ca_and_no_other_targets(state: Path, keys: Keys):
    other_ca = Keys(str(state / "acme" / "another" / "keys"))
    own = {keys.make(B, EC, reuse=False), keys.make(B, EC, reuse=True), other_ca.make(B, EC, reuse=False)}
    keys.make(A, EC, reuse=False)
    keys.make(A, EC, reuse=True)
    keys.make(target("www.b.example"), EC, reuse=False)
    assert found(state, B) == own
    assert found(state, target("c.example")) == set()


def test_of_names_that_were_cut_only_what_is_certain_is_found(state: Path, keys: Keys):
    keys.make(MANY, EC, reuse=False)
    again = keys.make(MANY, EC, reuse=True)
    assert found(state, MANY) == {again}


def test_what_is_no_key_of_renewds_is_left_alone(state: Path, keys: Keys):
    keys.make(B, EC, reuse=False)
    for name in (
        "b.example.pem",
        "b.example@1.pem",
        "@0123456789abcdef.pem",
        "b.example@0123456789ABCDEF.pem",
    ):
        (state / "acme/le/keys" / name).touch()
    (state / "acme/le/b.example@0123456789abcdef.pem").touch()
    assert len(found(state, B)) == 1
