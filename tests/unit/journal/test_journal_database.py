"""The file: private, whole or moved aside, never a newer renewd's, and every fault told in words."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_mock_engine, event, inspect
from sqlalchemy.dialects import postgresql

from renewd import journal as journals
from renewd.errors import Busy, StateUnusable
from renewd.journal import Journal, State, damage, migration, patience, schema, sqlite, wording


@pytest.fixture
def state():
    """All of this is about the file."""


@pytest.fixture
def path(state_directory):
    return f"{state_directory}/renewd.db"


def sql(path, statement):
    connection = sqlite3.connect(path)
    try:
        with connection:
            return connection.execute(statement).fetchall()
    finally:
        connection.close()


def schema_of(path):
    """What SQLite holds of the schema, without the spaces and in an order of its own."""
    found = sql(path, "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name")
    return [
        (*names, statement and re.sub(r"\s*([(),]|\s)\s*", r"\1", statement)) for *names, statement in found
    ]


def test_a_journal_exists_once_one_was_opened(state_directory, clock):
    assert not journals.exists(state_directory)
    Journal.open(state_directory, clock).close()
    assert journals.exists(state_directory)


def test_asking_whether_one_exists_loads_no_database():
    code = (
        "import sys; from renewd import journal; journal.exists('/'); journal.Attempt;"
        "sys.exit(any(name in sys.modules for name in ('sqlalchemy', 'alembic')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_up_to_date_journal_is_opened_without_alembic(state_directory):
    code = (
        "import sys; from renewd.journal import Journal; from renewd.clock import SystemClock;"
        f"[Journal.open({state_directory!r}, SystemClock()).close() for _ in range(2)];"
        "sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_only_names_that_exist_are_found_in_the_package():
    with pytest.raises(AttributeError, match="Journl"):
        journals.Journl  # noqa: B018


def test_folder_and_files_are_the_owners_only_whatever_the_umask(state_directory, journal, begin):
    begin()
    assert os.stat(state_directory).st_mode & 0o777 == 0o700
    modes = {entry.name: entry.stat().st_mode & 0o777 for entry in os.scandir(state_directory)}
    assert modes["renewd.db"] == modes["renewd.db-wal"] == modes["renewd.db-shm"] == 0o600


def test_a_file_that_others_could_read_is_closed_to_them(state_directory, path, clock):
    Journal.open(state_directory, clock).close()
    os.chmod(path, 0o644)
    Journal.open(state_directory, clock).close()
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_what_is_committed_is_on_the_disk(journal):
    with journal._database.read() as connection:
        said = {
            pragma: connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()
            for pragma in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert said == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": patience.TURN_MS,
    }


def test_a_fresh_schema_is_the_one_the_migrations_make(tmp_path, state_directory, path, clock):
    Journal.open(state_directory, clock).close()
    migrated = str(tmp_path / "migrated.db")
    opened = sqlite.File(migrated, clock, patience.Patience())
    with opened.write() as connection:
        migration.upgrade(connection, "the journal")
    opened.close()
    assert schema_of(migrated) == schema_of(path)
    assert sql(migrated, "SELECT * FROM alembic_version") == [(schema.HEAD,)]


def test_the_newest_migration_is_the_one_the_code_expects():
    from alembic.script import ScriptDirectory

    assert ScriptDirectory.from_config(migration.settings()).get_heads() == [schema.HEAD]


@pytest.mark.fault(67)
def test_an_older_schema_is_upgraded_when_it_is_opened(state_directory, path, clock, monkeypatch):
    Journal.open(state_directory, clock).close()
    sql(path, "UPDATE alembic_version SET version_num = '0000'")
    upgraded = []
    monkeypatch.setattr(migration, "upgrade", lambda *what: upgraded.append(what))
    Journal.open(state_directory, clock).close()
    assert len(upgraded) == 1


def test_an_upgrade_that_fails_leaves_nothing_of_itself(tmp_path, clock):
    opened = sqlite.File(str(tmp_path / "half.db"), clock, patience.Patience())

    def fail_at_the_second(connection, _cursor, statement, *_):
        if "CREATE TABLE steps" in statement:
            raise RuntimeError("cut off")

    event.listen(opened.engine, "before_cursor_execute", fail_at_the_second)
    with pytest.raises(RuntimeError), opened.write() as connection:
        migration.upgrade(connection, "the journal")
    with opened.read() as connection:
        assert inspect(connection).get_table_names() == []
    opened.close()


@pytest.mark.fault(52)
def test_a_newer_schema_is_left_alone_and_told(state_directory, path, clock):
    Journal.open(state_directory, clock).close()
    sql(path, "UPDATE alembic_version SET version_num = '0999'")
    with pytest.raises(StateUnusable, match="newer renewd") as told:
        Journal.open(state_directory, clock)
    assert "history, no certificates" in told.value.remedy
    assert sql(path, "SELECT version_num FROM alembic_version") == [("0999",)]


def test_somebody_elses_database_is_left_alone_and_told(state_directory, path, clock):
    os.makedirs(state_directory)
    sql(path, "CREATE TABLE theirs (x)")
    with pytest.raises(StateUnusable, match="no journal of renewd's"):
        Journal.open(state_directory, clock)
    assert [row[1] for row in schema_of(path)] == ["theirs"]


def test_an_empty_file_becomes_a_journal(state_directory, path, clock):
    os.makedirs(state_directory)
    open(path, "wb").close()
    with Journal.open(state_directory, clock) as journal:
        assert journal.recovered is None
        assert journal.history() == []


def filled(state_directory, clock):
    with Journal.open(state_directory, clock) as journal:
        for number in range(50):
            journal.begin(f"{number}.example", "x" * 500, "renewal", issuer="rcl", fence=0)


def overwrite(path, start, content):
    with open(path, "r+b") as file:
        file.seek(start)
        file.write(content)


DAMAGE = [
    pytest.param(lambda path: overwrite(path, 0, b"not a database" * 10), id="another file's beginning"),
    pytest.param(lambda path: overwrite(path, 4096, b"\xff" * 8192), id="pages of noise"),
    pytest.param(lambda path: os.truncate(path, os.path.getsize(path) // 2), id="cut in half"),
    pytest.param(lambda path: os.truncate(path, 5000), id="cut within a page"),
]


@pytest.mark.fault(51)
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_moved_aside_and_a_fresh_one_begun(state_directory, path, clock, damage):
    filled(state_directory, clock)
    damage(path)
    with open(path, "rb") as file:
        before = file.read()
    with Journal.open(state_directory, clock) as journal:
        assert "damaged" in journal.recovered
        assert journal.history() == []
    aside = f"{path}.damaged-20261123T120000Z"
    assert aside in journal.recovered
    with open(aside, "rb") as file:
        assert file.read() == before


@pytest.mark.parametrize("damage", DAMAGE)
def test_who_only_reads_leaves_a_damaged_file_where_it_is(state_directory, path, clock, damage):
    filled(state_directory, clock)
    damage(path)
    with pytest.raises(StateUnusable, match="damaged"):
        Journal.open(state_directory, clock, repair=False)
    assert not any("damaged" in name for name in os.listdir(state_directory))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        pytest.param(os.makedirs, "Is a directory", id="a folder in its place"),
        pytest.param(lambda path: os.symlink("/dev/null", path), "symbolic link", id="a link in its place"),
    ],
)
def test_what_is_no_file_is_told_in_words(state_directory, path, clock, spoil, words):
    os.makedirs(state_directory)
    spoil(path)
    with pytest.raises(StateUnusable, match=words):
        Journal.open(state_directory, clock)


def test_a_state_directory_that_cannot_be_made_is_told_in_words(tmp_path, clock):
    (tmp_path / "file").write_text("")
    with pytest.raises(StateUnusable, match="cannot be used"):
        Journal.open(str(tmp_path / "file" / "state"), clock)


def test_a_full_disk_is_told_in_words_and_nothing_half_is_written(journal, begin):
    attempt = begin()
    before = journal.history()
    event.listen(
        journal._database.engine,
        "before_cursor_execute",
        lambda connection, *_: connection.connection.execute("PRAGMA max_page_count=1"),
    )
    with pytest.raises(StateUnusable, match="the disk is full"):
        journal.note(attempt, "hook.ran", many=["x" * 4000] * 100)
    assert journal.history() == before


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("attempt to write a readonly database", "read-only"),
        ("unable to open database file", "cannot be opened"),
        ("disk I/O error", "the disk reports an error"),
        ("database is locked", "locked for 30 s"),
        ("database disk image is malformed", "damaged"),
        ("something new", "something new"),
    ],
)
def test_every_fault_of_the_database_has_its_words(said, words):
    with pytest.raises(StateUnusable, match=words) as told, wording.mapped("/state/renewd.db"):
        raise sqlite3.OperationalError(said)
    assert "/state/renewd.db" in str(told.value)


def test_what_was_to_be_stored_is_no_part_of_the_error(journal, begin):
    attempt = begin()
    with journal._database.write() as connection:
        connection.exec_driver_sql("DROP TABLE steps")
    with pytest.raises(StateUnusable) as told:
        journal.note(attempt, "hook.ran", output="canary")
    assert "canary" not in str(told.value)


def test_many_threads_write_at_once_and_nothing_is_lost(journal, clock):
    def work(number):
        attempt = journal.begin(f"{number}.example", "x", "renewal", issuer="rcl", fence=0)
        attempt = journal.move(attempt, State.ORDERED, "order.created")
        return journal.end(attempt, "renewed")

    with ThreadPoolExecutor(16) as pool:
        ended = list(pool.map(work, range(64)))
    assert journal.latest() == {attempt.identity: attempt for attempt in ended}


def test_processes_that_open_a_fresh_journal_together_all_succeed(state_directory):
    code = (
        "from renewd.journal import Journal; from renewd.clock import SystemClock\n"
        f"with Journal.open({state_directory!r}, SystemClock()) as journal:\n"
        "    journal.begin('a', 'a', 'renewal', issuer='rcl', fence=0)\n"
        "    print(journal.recovered)"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    assert [process.communicate()[0].strip() for process in processes] == ["None"] * 4
    assert len(sql(f"{state_directory}/renewd.db", "SELECT id FROM attempts")) == 4


def test_only_one_of_many_takes_a_free_lease(journal):
    gate, fences, refused = threading.Barrier(8), [], []

    def take():
        gate.wait()
        try:
            fences.append(journal.take("contoso.com"))
        except Busy:
            refused.append(True)

    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(take)
    assert (fences, len(refused)) == ([1], 7)


def test_the_schema_can_be_made_on_postgresql_too():
    """No server is needed to see that every statement compiles for it."""
    statements = []
    mock = create_mock_engine(
        "postgresql+psycopg://",
        lambda statement, *_a, **_k: statements.append(str(statement.compile(dialect=postgresql.dialect()))),
    )
    schema.metadata.create_all(mock, checkfirst=False)
    assert any("TIMESTAMP WITH TIME ZONE" in statement for statement in statements)


@pytest.mark.fault(51)
def test_a_file_that_is_gone_is_noticed_by_a_connection_that_is_yet_to_be_made(state_directory, path, clock):
    with Journal.open(state_directory, clock) as journal:
        journal._database.close()
        os.unlink(path)
        with pytest.raises(StateUnusable, match="taken away"):
            journal.under_way()
        assert journal.lost
        assert not os.path.exists(path)


@pytest.mark.fault(51)
def test_a_file_that_is_gone_with_its_folder_is_told_to_who_opens_the_next_one(state_directory, clock):
    with Journal.open(state_directory, clock) as journal:
        shutil.rmtree(state_directory)
        with pytest.raises(StateUnusable, match="taken away"):
            journal.under_way()
    with Journal.open(state_directory, clock, lost=journal.lost) as again:
        assert again.quiet_until(clock.now()) == clock.now() + damage.QUIET
        clock.advance(damage.QUIET / 2)
    with Journal.open(state_directory, clock, lost=journal.lost) as again:
        assert again.quiet_until(clock.now()) == clock.now() + damage.QUIET / 2, (
            "told once more it is no later"
        )
