import pytest

from renewd.journal import Journal


@pytest.fixture
def state_directory(tmp_path):
    return str(tmp_path / "state")


@pytest.fixture
def journal(state_directory, clock):
    with Journal.open(state_directory, clock) as opened:
        yield opened


@pytest.fixture
def begin(journal):
    """Begins an attempt under a lease of its own."""

    def begin(identity="contoso.com", kind="renewal", **facts):
        fence = journal.take(identity)
        journal.release(identity, fence)
        return journal.begin(identity, identity, kind, issuer="rcl", fence=fence, **facts)

    return begin
