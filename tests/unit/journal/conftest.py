"""A journal in a file and on a real PostgreSQL server: what is said of one holds for the other."""

from datetime import timedelta

import pytest

from renewd.journal import Journal


@pytest.fixture
def state_directory(tmp_path):
    return str(tmp_path / "state")


@pytest.fixture(params=["sqlite", "postgresql"])
def state(request):
    """The configuration's `state`: None for the file."""
    return None if request.param == "sqlite" else request.getfixturevalue("postgres").empty()


@pytest.fixture
def journal(state_directory, clock, state):
    with Journal.open(state_directory, clock, state=state) as opened:
        yield opened


@pytest.fixture
def begin(journal):
    """Begins an attempt under a lease of its own."""

    def begin(identity="contoso.com", kind="renewal", **facts):
        fence = journal.take(identity)
        journal.release(identity, fence)
        return journal.begin(identity, identity, kind, issuer="rcl", fence=fence, **facts)

    return begin


@pytest.fixture
def pass_time(journal, clock):
    """Time passes for who holds leases, whichever clock says so: a server's own cannot be moved."""

    def pass_time(length: timedelta):
        clock.advance(length)
        if not journal._database.local:
            with journal._database.write() as connection:
                connection.exec_driver_sql(
                    f"UPDATE leases SET expires_at = expires_at - interval '{length.total_seconds()} seconds'"  # noqa: S608
                )

    return pass_time
