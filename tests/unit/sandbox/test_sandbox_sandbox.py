"""The sandbox as one thing: its folder, its configuration, its CA."""

import os
import socket
import stat
from datetime import timedelta

import pytest
import yaml
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from renewd.config.model import Configuration
from renewd.errors import UsageError
from renewd.sandbox import Sandbox, ca
from tests.clocks import START


def test_the_package_has_nothing_else():
    import renewd.sandbox

    with pytest.raises(AttributeError, match="Castle"):
        renewd.sandbox.Castle  # noqa: B018


def test_the_key_is_for_its_owner_only(sandbox):
    assert stat.S_IMODE(os.stat(sandbox.api_key_path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(sandbox.root_pem_path).st_mode) == 0o644
    with open(sandbox.api_key_path) as file:
        assert file.read().strip() == sandbox.api_key


def test_a_folder_of_its_own_goes_with_it_and_a_given_one_stays(tmp_path):
    with Sandbox() as sandbox:
        own = sandbox.directory
    with Sandbox(str(tmp_path / "kept")):
        pass
    assert not os.path.exists(own)
    assert sorted(os.listdir(tmp_path / "kept")) == ["api-key", "root.pem"]


def test_ports_are_those_that_were_asked_for_and_free_afterwards(tmp_path):
    with Sandbox(str(tmp_path)) as sandbox:
        port = int(sandbox.origin.rpartition(":")[2])
    with Sandbox(str(tmp_path), port=port, http_port=4711) as again:
        assert again.base_url == f"http://127.0.0.1:{port}/public"
        assert again.http_port == 4711


def test_the_configuration_is_one_that_renewd_reads(sandbox):
    text = sandbox.configuration("a.example,www.a.example", {"name": "b.example"}, schedule={"every": "1h"})
    settings = Configuration.model_validate(yaml.safe_load(text))
    assert settings.issuers["sandbox"].base_url == sandbox.base_url
    first, second = settings.certificates
    assert first.challenge.listen == f"127.0.0.1:{sandbox.http_port}"
    assert first.install[0].directory == f"{sandbox.directory}/live/a.example+www.a.example"
    assert (second.name, second.install) == ("b.example", ())
    assert settings.schedule.every == timedelta(hours=1)
    assert sandbox.api_key not in text


def test_a_wildcard_is_configured_without_a_challenge(sandbox):
    settings = Configuration.model_validate(yaml.safe_load(sandbox.configuration("*.a.example")))
    assert settings.certificates[0].challenge is None


def test_a_configuration_that_is_not_the_sandboxs_is_left_alone(tmp_path):
    with Sandbox(str(tmp_path)) as sandbox:
        path = sandbox.write_configuration(sandbox.configuration("a.example"))
        sandbox.write_configuration(sandbox.configuration("b.example"))
        with open(path, "w") as file:
            file.write("mine: true\n")
        with pytest.raises(UsageError, match="not the sandbox's"):
            sandbox.write_configuration(sandbox.configuration("a.example"))


@pytest.mark.parametrize("key_type", ["ecdsa-p256", "ecdsa-p384", "rsa-2048"])
@pytest.mark.parametrize("days", [6, 47, 90, 398])
@pytest.mark.parametrize("name", ["a.example", "*.a.example", f"{'long.' * 20}example"])
def test_what_is_issued_verifies(key_type, days, name):
    authority = ca.Authority(START)
    life = ca.Life(START - timedelta(hours=1), START + timedelta(days=days))
    leaf = authority.issue([name], ca.make_key(key_type), life)
    asked = x509.DNSName(name.replace("*", "www"))
    policy = PolicyBuilder().store(Store([authority.root])).time(START.replace(tzinfo=None))
    policy.build_server_verifier(asked).verify(leaf, [authority.intermediate])


def test_two_rsa_keys_in_a_row_differ():
    first, second = ca.make_key("rsa-2048"), ca.make_key("rsa-2048")
    assert first.public_key() != second.public_key()


def test_an_unknown_key_type_is_told_with_those_there_are():
    with pytest.raises(ValueError, match="ecdsa-p256, ecdsa-p384, rsa-2048"):
        ca.make_key("dsa")


def test_the_port_for_challenges_stays_taken_but_for_who_names_it(tmp_path):
    """Ports are given out only if they conflict with nothing; a server that names one sets SO_REUSEADDR."""
    with Sandbox(str(tmp_path)) as one:
        for _ in range(2):
            with socket.create_server(("127.0.0.1", one.http_port)):
                pass
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", one.http_port))
