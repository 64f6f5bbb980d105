"""A journal that was begun anew: it is told what the stores know, once, and all of it or nothing."""

import os
from datetime import timedelta

import pytest

from renewd import journal as journals
from renewd.journal import Journal
from renewd.journal.rebuilding import Remnant
from renewd.planning.budget import What

NAME, VERSION = "contoso.com", "20261123T085627Z-1a2b3c4d"


@pytest.fixture
def remnants(clock):
    order = "https://ca.example/order/7"
    lately = clock.now() - timedelta(days=3)
    return [
        Remnant(NAME, NAME, VERSION.replace("27Z", "28Z"), "rcl", f"{order}0", lately),
        Remnant(NAME, NAME, VERSION, "rcl", order, lately, ("check",)),
    ]


def test_what_was_issued_counts_and_what_may_be_owed_is_owed(journal, remnants, clock):
    assert journal.is_blank
    journal.rebuild(remnants)
    assert not journal.is_blank
    assert journal.owed()[NAME].version == VERSION
    assert journal.owed()[NAME].owed == ("check",)
    spent = journal.spent(NAME, "rcl")
    assert [one.what for one in spent] == [What.CERTIFICATE] * 2
    assert {one.at for one in spent} == {clock.now() - timedelta(days=3)}


def test_it_is_no_attempt_to_obtain_anything_and_none_under_way(journal, remnants):
    journal.rebuild(remnants)
    assert journal.under_way() == journal.failures(NAME) == journal.unresolved(NAME) == []
    assert journal.unfetched(NAME, "rcl") is None


def test_a_journal_that_knows_more_is_not_told(journal, begin, remnants):
    begin()
    journal.rebuild(remnants)
    assert journal.owed() == {}
    assert len(journal.history()) == 1


def test_another_process_that_told_it_first_is_enough(journal, remnants, state_directory, clock, state):
    with Journal.open(state_directory, clock, state=state) as other:
        assert other.is_blank
        journal.rebuild(remnants)
        other.rebuild(remnants)
    assert len(journal.history()) == 2


def test_the_certificate_of_an_order_that_the_journal_hears_of_again_counts_once(journal, begin, remnants):
    journal.rebuild(remnants)
    journal.note(begin(), "issuer.issued", order_uri=remnants[1].order_uri, issued_at=remnants[1].created_at)
    assert len(journal.spent(NAME, "rcl")) == 2


def test_what_another_host_did_leaves_it_blank_for_this_one(tmp_path, clock, remnants, request):
    state = request.getfixturevalue("postgres").empty()
    with (
        Journal.open(str(tmp_path / "one"), clock, state=state) as one,
        Journal.open(str(tmp_path / "other"), clock, state=state) as other,
    ):
        one.rebuild(remnants)
        assert other.is_blank
        other.rebuild(remnants)
        assert other.owed().keys() == one.owed().keys() == {NAME}


def test_that_there_was_a_journal_is_known_when_all_its_files_are_gone(state_directory, clock):
    Journal.open(state_directory, clock).close()
    for name in os.listdir(state_directory):
        if name.startswith("renewd.db"):
            os.unlink(os.path.join(state_directory, name))
    assert journals.exists(state_directory)
    assert Journal.look(state_directory, clock) is None
    with Journal.open(state_directory, clock) as anew:
        assert "renewd.db is gone" in anew.recovered
        assert anew.quiet_until(clock.now()) == clock.now() + timedelta(hours=1)
    with Journal.open(state_directory, clock) as again:
        assert again.recovered is None


def test_who_only_tried_to_make_one_leaves_no_sign_of_it(state_directory, clock):
    os.makedirs(state_directory)
    with open(journals.lock(journals.path(state_directory)), "wb"):
        pass
    assert not journals.exists(state_directory)
    with Journal.open(state_directory, clock) as first:
        assert first.recovered is None
