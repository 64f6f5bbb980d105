"""A server's database: opened by many at once, refused where it is not ours, and never shown with its password."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command

from renewd import journal as journals
from renewd.config.sources import SecretSource
from renewd.errors import StateUnusable
from renewd.journal import Journal, migration, postgresql, schema
from tests.postgres import Server


@pytest.fixture
def state(postgres: Server):
    return postgres.empty()


@pytest.fixture
def open_many(tmp_path, clock, state):
    """Journals of as many state directories, opened at the same moment."""

    def opened(number: int):
        with Journal.open(str(tmp_path / str(number)), clock, state=state) as journal:
            return journal.take(f"{number}.example")

    def open_many():
        with ThreadPoolExecutor(6) as pool:
            return list(pool.map(opened, range(6)))

    return open_many


def name(url):
    return url.rpartition("/")[2]


@pytest.mark.fault(94)
def test_hosts_that_open_a_fresh_database_together_all_succeed(open_many, postgres, state):
    assert open_many() == [1] * 6
    assert postgres.sql("SELECT version_num FROM alembic_version", name(state)) == [(schema.HEAD,)]


@pytest.mark.fault(67)
def test_hosts_that_upgrade_a_database_together_all_succeed(open_many, postgres, state, tmp_path):
    old = postgresql.at(state, str(tmp_path), secret=False)
    with old.write() as connection:
        command.upgrade(migration.settings(connection), "0001")
    old.close()
    assert open_many() == [1] * 6
    assert postgres.sql("SELECT version_num FROM alembic_version", name(state)) == [(schema.HEAD,)]


@pytest.mark.fault(52)
def test_a_newer_schema_and_somebody_elses_tables_are_left_alone(journal, postgres, state, tmp_path, clock):
    postgres.sql("UPDATE alembic_version SET version_num = '9999'", name(state))
    with pytest.raises(StateUnusable, match="newer renewd"):
        Journal.open(str(tmp_path), clock, state=state)
    other = postgres.database()
    postgres.sql("CREATE TABLE theirs (x int)", name(other))
    with pytest.raises(StateUnusable, match="other tables"):
        Journal.open(str(tmp_path), clock, state=other)


@pytest.mark.fault(92)
def test_a_session_that_the_server_ended_is_replaced(journal, begin, postgres, state):
    attempt = begin()
    postgres.sql(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name(state)}'"  # noqa: S608
    )
    assert journal.under_way() == [attempt]


def test_every_transaction_has_its_limits_and_a_writers_is_on_the_disk(journal):
    with journal._database.write() as connection:
        said = [
            connection.exec_driver_sql(f"SHOW {limit}").scalar()
            for limit in ("statement_timeout", "lock_timeout", "synchronous_commit")
        ]
    assert said == ["30s", "30s", "on"]
    with journal._database.read() as connection:
        assert connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "on"


@pytest.mark.fault(98)
def test_a_password_in_a_secret_url_is_in_no_message(postgres, tmp_path, clock):
    source = tmp_path / "url"
    source.write_text(postgres.url("nowhere").replace("renewd@", "renewd:hunter2@") + "\n")
    source.chmod(0o600)
    with pytest.raises(StateUnusable) as told:
        Journal.open(str(tmp_path), clock, state=SecretSource(file=str(source)))
    error: BaseException | None = told.value
    while error is not None:
        assert "hunter2" not in f"{error!r} {error}"
        error = error.__cause__
    assert "the database of `state`" in str(told.value)


def test_a_secret_that_is_no_url_is_told_without_it(tmp_path, clock):
    source = tmp_path / "url"
    source.write_text("hunter2")
    source.chmod(0o600)
    with pytest.raises(StateUnusable) as told:
        Journal.open(str(tmp_path), clock, state=SecretSource(file=str(source)))
    assert "hunter2" not in str(told.value)


def test_a_missing_driver_is_told_with_the_extra_that_brings_it(tmp_path, clock, state, monkeypatch):
    def fail(*_args, **_options):
        raise ModuleNotFoundError("No module named 'psycopg'")

    monkeypatch.setattr(postgresql, "create_engine", fail)
    with pytest.raises(StateUnusable, match="psycopg") as told:
        Journal.open(str(tmp_path), clock, state=state)
    assert "renewd[postgres]" in told.value.remedy


def test_a_file_somewhere_else_is_as_good_as_the_one_in_the_state_directory(tmp_path, clock):
    url = f"sqlite:///{tmp_path}/elsewhere.db"
    assert Journal.look(str(tmp_path / "state"), clock, state=url) is None
    Journal.open(str(tmp_path / "state"), clock, state=url).close()
    assert (tmp_path / "elsewhere.db").exists()
    assert not journals.exists(str(tmp_path / "state"))
    assert journals.exists(str(tmp_path / "state"), url)
