"""Records by commands of one's own: what they are told, and what becomes of their failures."""

import stat
import threading

import pytest

from renewd import challenges
from renewd.certs.order import Token
from renewd.config.model import DnsCommands
from renewd.errors import ChallengeFailed
from renewd.hooks import command
from tests.nameservers import Knot

TOKENS = (
    Token("a.example.test", "dns-01", "_acme-challenge.a", "first"),
    Token("*.a.example.test", "dns-01", "_acme-challenge.a", "second"),
)
ALIAS = Token("d.example.test", "dns-01", "_acme-challenge.d", "third")
NAMES = ("CHALLENGE_DOMAIN", "CHALLENGE_NAME", "CHALLENGE_VALUE")


@pytest.fixture
def server(nameserver):
    return nameserver(Knot, aliases={"_acme-challenge.d.example.test": "d.acme.test"})


@pytest.fixture
def script(tmp_path):
    def make(name, text):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(stat.S_IRWXU)
        return str(path)

    return make


@pytest.fixture
def made(server, tmp_path, script):
    def make(present=None, cleanup=None, **keys):
        told = " ".join(f"$RENEWD_{name}" for name in NAMES) + " $CERTBOT_DOMAIN $CERTBOT_VALIDATION"
        written = {
            "type": "dns-01",
            "present": present or script("present", f'echo "present {told} $1" >> {tmp_path}/log'),
            "cleanup": cleanup or script("cleanup", f'echo "cleanup {told} $1" >> {tmp_path}/log'),
            "resolver": server.where,
            **keys,
        }
        settings = DnsCommands.model_validate(written)
        return challenges.make(settings, challenges.Means(command.run, stop=threading.Event()))

    return make


def said(tmp_path):
    log = tmp_path / "log"
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []


def test_each_value_is_told_to_a_command_of_its_own(made, tmp_path):
    made().place(TOKENS)
    made().remove(TOKENS)
    name = "_acme-challenge.a.example.test"
    assert said(tmp_path) == [
        [what, "a.example.test", name, value, "a.example.test", value]
        for what in ("present", "cleanup")
        for value in ("first", "second")
    ]


def test_the_name_is_where_an_alias_leads_and_the_domain_what_is_proved(made, tmp_path):
    made().place([ALIAS])
    assert said(tmp_path)[0][1:4] == ["d.example.test", "d.acme.test", "third"]


def test_the_domain_may_stand_in_the_command_line(made, tmp_path, script):
    present = script("with-name", f'echo "$@" >> {tmp_path}/log')
    made(f"{present} --domain {{name}}").place(TOKENS)
    assert said(tmp_path) == [["--domain", "a.example.test"]] * 2


@pytest.mark.fault(85)
def test_a_command_that_fails_is_told_with_what_it_said_and_what_it_made_is_taken_away(
    made, script, tmp_path
):
    present = script("failing", 'echo "the zone is locked"; exit 3')
    with pytest.raises(ChallengeFailed) as caught:
        made(present).place(TOKENS)
    assert str(caught.value) == f"`{present}` ended with 3: the zone is locked"
    assert [line[0] for line in said(tmp_path)] == ["cleanup", "cleanup"]


def test_a_cleanup_that_fails_for_one_is_run_for_the_others(made, script, tmp_path):
    cleanup = script(
        "half", f'echo "$RENEWD_CHALLENGE_VALUE" >> {tmp_path}/log; test $RENEWD_CHALLENGE_VALUE = second'
    )
    with pytest.raises(ChallengeFailed, match="ended with 1"):
        made(cleanup=cleanup).remove(TOKENS)
    assert said(tmp_path) == [["first"], ["second"]]


@pytest.mark.fault(81)
def test_a_command_that_hangs_is_ended(made, script):
    present = {"run": script("hanging", "sleep 1000"), "timeout": "1s"}
    with pytest.raises(ChallengeFailed, match="ran longer than 1 s and was ended"):
        made(present, cleanup="true").place(TOKENS[:1])


@pytest.mark.fault(85)
def test_a_command_that_is_not_there_is_told(made):
    with pytest.raises(ChallengeFailed, match="no such program"):
        made("/no/such/program", cleanup="true").place(TOKENS[:1])


def test_without_a_cleanup_nothing_is_run(server, script, tmp_path):
    settings = DnsCommands.model_validate({"type": "dns-01", "present": "true", "resolver": server.where})
    challenge = challenges.make(settings, challenges.Means(command.run))
    challenge.place(TOKENS)
    challenge.remove(TOKENS)


def test_who_may_run_no_commands_says_so():
    settings = DnsCommands.model_validate({"type": "dns-01", "present": "true"})
    with pytest.raises(ValueError, match="nothing was said to run them"):
        challenges.make(settings)
