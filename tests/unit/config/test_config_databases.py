"""`state`: the URL of a database, without a password, or where the whole URL is read from."""

import importlib.util

import pytest

from renewd.config import databases, machine

FILE = """issuers: {{rcl: {{type: rcl, subscription_id: a, api_key: {{env: HOME}}}}}}
certificates: [{{name: a.example.com, install: {{directory: {folder}/live}}}}]
state: {state}
"""


@pytest.fixture
def examined(tmp_path):
    def examine(state):
        path = tmp_path / "config.yaml"
        path.write_text(FILE.format(folder=tmp_path, state=state))
        path.chmod(0o600)
        faults, _ = machine.examine(str(path))
        return [str(fault) for fault in faults]

    return examine


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://renewd@db.example.net/renewd",
        "postgresql://renewd@db.example.net:5432/renewd?sslmode=verify-full",
        "postgresql+psycopg:///renewd?host=/run/postgresql",
        "postgresql+psycopg://renewd@/?service=renewd",
        "postgresql+psycopg://renewd@/renewd?host=a,b&target_session_attrs=read-write",
        "sqlite:////var/lib/renewd/other.db",
    ],
)
def test_a_url_of_a_database_that_renewd_can_use_is_taken(examined, url):
    assert examined(f'"{url}"') == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql+psycopg://renewd:hunter2@db/renewd", "PGPASSFILE"),
        ("postgresql+psycopg://renewd@/renewd?password=hunter2", "PGPASSFILE"),
        ("postgresql+psycopg://renewd@db/renewd?options=hunter2", "'options' is not known"),
        ("postgresql+psycopg://renewd@db", "names no database"),
        ("postgresql+psycopg://renewd@db:99999/hunter2", "no URL of an SQLite or PostgreSQL database"),
        ("mysql://hunter2@db/renewd", "no URL of an SQLite or PostgreSQL database"),
        ("sqlite:///hunter2.db", "by its whole path"),
        ("sqlite://", "by its whole path"),
        ("postgresql://u@db/hunter 2", "a space"),
        ("[hunter2]", "write it like"),
        ("{fiel: hunter2}", "did you mean file"),
    ],
)
def test_what_is_wrong_with_a_url_is_told_at_its_line_and_never_shown(examined, url, said):
    (fault,) = examined(url if url[0] in "[{" else f'"{url}"')
    assert said in fault
    assert ":3: state" in fault
    assert "hunter2" not in fault


def test_a_url_that_is_a_secret_may_hold_a_password(tmp_path):
    url = "postgresql+psycopg://renewd:hunter2@db/renewd"
    assert databases.database_url(url, password=True) == url


def test_a_secret_url_that_cannot_be_read_is_told(examined):
    (fault,) = examined("{file: /nonexistent/url}")
    assert "there is no secret file" in fault


def test_a_driver_that_is_not_installed_is_told_with_the_extra_that_brings_it(examined, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    (fault,) = examined("postgresql+psycopg://renewd@db/renewd")
    assert "psycopg" in fault
    assert "renewd[postgres]" in fault


def test_without_the_key_the_journal_is_in_the_state_directory(examined):
    assert examined("null") == []


def test_no_certificate_is_written_over_the_database(examined, tmp_path):
    (fault,) = examined(f"sqlite:///{tmp_path}/live")
    assert "renewd's journal" in fault
