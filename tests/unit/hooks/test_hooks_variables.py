"""What hooks are told."""

import os
import subprocess
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from renewd.hooks import variables
from renewd.hooks.variables import Told

SHOP = Told(
    name="shop.example,www.shop.example",
    domains=("shop.example", "www.shop.example"),
    serial=0x4F9A01,
    not_after=datetime(2026, 11, 28, 12, tzinfo=timezone(timedelta(hours=2))),
    directory="/etc/renewd/live/shop.example",
)
MAIL = Told(
    name="mail.example",
    domains=("mail.example",),
    serial=1,
    not_after=datetime(2027, 1, 1, tzinfo=UTC),
    files={"fullchain": "/etc/mail/full.pem", "key": "/etc/mail/key.pem"},
)


def test_a_folder():
    assert variables.variables([SHOP]) == {
        "RENEWD_NAME": "shop.example,www.shop.example",
        "RENEWD_DOMAINS": "shop.example www.shop.example",
        "RENEWD_SERIAL": "4F:9A:01",
        "RENEWD_NOT_AFTER": "2026-11-28T10:00:00Z",
        "RENEWD_DIRECTORY": "/etc/renewd/live/shop.example",
        "RENEWED_LINEAGE": "/etc/renewd/live/shop.example",
        "RENEWED_DOMAINS": "shop.example www.shop.example",
    }


def test_fixed_paths():
    told = variables.variables([MAIL])
    assert told["RENEWD_FULLCHAIN"] == "/etc/mail/full.pem"
    assert told["RENEWD_KEY"] == "/etc/mail/key.pem"
    assert told["RENEWED_LINEAGE"] == "/etc/mail"
    assert "RENEWD_DIRECTORY" not in told
    assert "RENEWD_CHAIN" not in told


def test_several_targets_have_a_line_each_in_every_variable():
    told = variables.variables([SHOP, MAIL])
    assert told["RENEWD_DOMAINS"] == "shop.example www.shop.example\nmail.example"
    assert told["RENEWD_DIRECTORY"] == "/etc/renewd/live/shop.example\n"
    assert told["RENEWD_KEY"] == "\n/etc/mail/key.pem"
    assert {value.count("\n") for value in told.values()} == {1}


def test_nobody_to_tell_of_is_nothing_to_tell():
    assert variables.variables([]) == {}


@given(st.integers(1, 12), st.integers(1, 60))
@settings(max_examples=15)
def test_what_linux_would_refuse_is_left_out_and_named(thousands, length):
    domain = f"{'x' * length}.example"
    many = [Told(domain, (domain,) * 3, 1, MAIL.not_after, "/etc/renewd")] * (thousands * 1000)
    told = variables.variables(many)
    sizes = {name: len(os.fsencode(value)) for name, value in told.items()}
    assert max(sizes.values()) <= variables.LONGEST
    assert sum(sizes.values()) <= variables.ALTOGETHER + 1000
    every = set(variables.variables([many[0]]))
    assert every == (set(told) | set(told.get("RENEWD_LEFT_OUT", "").split())) - {"RENEWD_LEFT_OUT"}


def test_the_longest_that_is_handed_over_does_start_a_program():
    count = variables.LONGEST // len("/etc/renewd\n")
    told = variables.variables([Told("a", ("b",), 1, MAIL.not_after, "/etc/renewd")] * count)
    assert len(told["RENEWD_DIRECTORY"]) > 100_000
    assert subprocess.run(["/bin/true"], env=told, check=False).returncode == 0
