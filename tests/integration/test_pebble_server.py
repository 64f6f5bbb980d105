"""The ACME servers that other tests build on do what those tests expect of them."""

import json
import ssl
import urllib.request

import pytest

from tests.pebble import newer


def directory(server):
    trusted = ssl.create_default_context(cafile=str(server.ca_file))
    with urllib.request.urlopen(server.directory_url, timeout=10, context=trusted) as answer:  # noqa: S310
        return json.load(answer)


def test_debians_own_pebble_has_no_renewal_information(pebble):
    assert "renewalInfo" not in directory(pebble())


def test_the_newer_pebble_has_renewal_information_and_profiles(pebble):
    said = directory(
        pebble(binary=newer(), profiles={"shortlived": {"description": "six days", "validityPeriod": 518400}})
    )
    assert "renewalInfo" in said
    assert said["meta"]["profiles"] == {"shortlived": "six days"}


def test_its_roots_are_told_by_its_management(pebble):
    server = pebble(environment={"PEBBLE_ALTERNATE_ROOTS": "1"})
    assert server.roots(0).startswith(b"-----BEGIN CERTIFICATE-----")
    assert server.roots(0) != server.roots(1)


def test_a_newer_pebble_that_is_absent_fails_the_test_with_what_to_run(monkeypatch, tmp_path):
    monkeypatch.setattr("tests.pebble.NEWER", tmp_path)
    with pytest.raises(pytest.fail.Exception, match="is not there; run tests/setup"):
        newer()
