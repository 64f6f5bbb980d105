"""Who is told what: addresses as they are or where they are read from, and nothing of them in a message."""

import pytest

from renewd.config import load, machine

HEAD = """\
issuers: {rcl: {type: rcl, subscription_id: s, api_key: {env: A}}}
certificates: [{name: a.example.com, install: {directory: /live/a}}]
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "config.yaml"
        path.write_text(HEAD + text)
        return str(path)

    return write


def faults(path):
    return [str(fault).removeprefix(f"{path}:") for fault in load.examine(path).faults]


def test_an_address_is_written_or_read_from_somewhere(write):
    text = "notify: {urls: ['json://localhost/x', {env: URL}]}\nheartbeat: https://hc.example.net/x?rid=1"
    configuration = load.load(write(text)).configuration
    assert configuration.notify.urls[0] == "json://localhost/x"
    assert configuration.notify.urls[1].env == "URL"
    assert configuration.notify.on == ("failed", "overdue", "expiring", "recovered")
    assert configuration.heartbeat == "https://hc.example.net/x?rid=1"


@pytest.mark.parametrize(
    ("text", "said"),
    {
        "notify: {urls: []}": "3: notify.urls: this is not right here",
        "notify: {urls: [s3cr3t]}": "3: notify.urls[0]: this is not right here; write an Apprise URL, such as mailto://…",
        "notify: {urls: ['json://x'], on: [fail]}": "3: notify.on[0]: 'fail' is not known here; did you mean failed?",
        "heartbeat: http://hc.example.net/s3cr3t": "3: heartbeat: this is not right here; write an https:// URL",
        "notify: {url: json://x}": "3: notify.url: unknown key; did you mean urls?",
    }.items(),
)
def test_one_fault_one_sentence_without_the_secret(write, text, said):
    found = faults(write(text))
    assert found[0].startswith(said)
    assert "s3cr3t" not in str(found)


def test_an_address_that_cannot_be_read_holds_no_certificate(write):
    text = "notify: {urls: [{file: /nowhere/url}]}\nheartbeat: {file: /nowhere/beat}"
    found = [each for each in machine.faults(load.load(write(text))) if "/nowhere" in str(each.fault)]
    assert [each.fault.key for each in found] == ["notify.urls[0]", "heartbeat"]
    assert all(each.names == () for each in found)
