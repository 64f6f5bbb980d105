"""Confirming against real servers, through their real reload: the moment at which old and new are both served."""

import os
import shlex
import threading
from datetime import timedelta

import pytest

from renewd import confirm, probe
from renewd.clock import SystemClock
from renewd.config.model import Confirm
from renewd.config.targets import HookCommand
from renewd.hooks import command
from tests.certificates import Authority
from tests.servers import Site

AUTHORITY = Authority.new()
NAME = "shop.example"


def hook(line: str) -> HookCommand:
    return HookCommand(tuple(shlex.split(line)), line, timedelta(seconds=60))


def watch(server, expected, within: float = 30) -> confirm.Verdict:
    settings = Confirm(connect=f"127.0.0.1:{server.port}", within=timedelta(seconds=within))
    return confirm.confirm(settings, NAME, expected.leaf, SystemClock(), threading.Event())


def put(folder, issued) -> None:
    """Both files at once as the servers see it: they read them at start and at a reload only."""
    for name, text in (
        ("fullchain.pem", issued.fullchain_pem),
        ("key.pem", issued.key_pem),
        ("combined.pem", issued.fullchain_pem + issued.key_pem),
    ):
        (folder / f"{name}.new").write_bytes(text)
        os.replace(folder / f"{name}.new", folder / name)


@pytest.fixture
def pair():
    return AUTHORITY.issue([NAME]), AUTHORITY.issue([NAME])


@pytest.fixture
def served_by_nginx(nginx, tmp_path, pair):
    put(tmp_path, pair[0])
    return nginx(Site(NAME, tmp_path / "fullchain.pem", tmp_path / "key.pem"))


@pytest.fixture
def served_by_haproxy(haproxy, tmp_path, pair):
    put(tmp_path, pair[0])
    return haproxy(tmp_path / "combined.pem")


@pytest.mark.parametrize("server", ["served_by_nginx", "served_by_haproxy"])
def test_after_a_reload_that_is_confirmed_nobody_gets_the_old_certificate(server, request, tmp_path, pair):
    server = request.getfixturevalue(server)
    old, new = pair
    assert watch(server, old).ok
    put(tmp_path, new)
    assert command.run(hook(server.check_command), {}).ok
    assert command.run(hook(server.reload_command), {}).ok
    assert watch(server, new).ok
    seen = [probe.leaf(f"127.0.0.1:{server.port}", NAME) for _ in range(200)]
    assert [leaf for leaf in seen if leaf != new.leaf] == []


@pytest.mark.fault(86)
def test_without_a_reload_the_old_certificate_is_told(served_by_nginx, tmp_path, pair):
    put(tmp_path, pair[1])
    verdict = watch(served_by_nginx, pair[1], within=1)
    assert not verdict.ok
    assert "still serves" in verdict.why


@pytest.mark.parametrize("server", ["served_by_nginx", "served_by_haproxy"])
def test_a_set_that_does_not_match_fails_the_check_and_goes_on_being_served_as_it_was(
    server, request, tmp_path, pair
):
    server = request.getfixturevalue(server)
    put(tmp_path, pair[0])
    (tmp_path / "key.pem").write_bytes(pair[1].key_pem)
    (tmp_path / "combined.pem").write_bytes(pair[0].fullchain_pem + pair[1].key_pem)
    ran = command.run(hook(server.check_command), {})
    assert (ran.ok, ran.why) == (False, "ended with 1")
    assert "key" in ran.output.lower()
    assert watch(server, pair[0]).ok


def test_a_name_that_the_server_does_not_know_is_told_by_the_certificate_it_shows_instead(
    nginx, tmp_path, pair
):
    other = AUTHORITY.issue(["other.example"])
    put(tmp_path, other)
    server = nginx(Site("other.example", tmp_path / "fullchain.pem", tmp_path / "key.pem"))
    assert "for other.example: is the name set up there?" in watch(server, pair[0], within=1).why
