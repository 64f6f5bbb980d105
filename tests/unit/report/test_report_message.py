"""Many notices are one message, the bad ones first, and never a wall of text."""

from renewd.planning.telling import GONE, Kind, Notice
from renewd.report import message

BAD = Notice(Kind.FAILED, "a.example", "the CA said no", "ask it")
GOOD = Notice(Kind.RECOVERED, "b.example", "all is well again")


def test_one_notice_is_its_own_title():
    told = message.compose([BAD], "web1")
    assert told == message.Message(
        "a.example: failed (web1)", "a.example: failed: the CA said no. ask it", "failure"
    )
    assert message.compose([GOOD], "web1").kind == "success"


def test_what_is_not_watched_any_more_is_not_called_well():
    told = message.compose([Notice(Kind.RECOVERED, "b.example", GONE)], "web1")
    assert told.title == "b.example: not watched any more (web1)"
    assert told.body == "b.example: not watched any more: what was said of it is over"


def test_the_bad_news_come_first_and_make_the_title():
    told = message.compose([GOOD, BAD, Notice(Kind.OVERDUE, "c.example", "late")], "web1")
    assert told.title == "2 certificates: failed and overdue (web1)"
    assert [line.partition(":")[0] for line in told.body.splitlines()] == [
        "a.example",
        "c.example",
        "b.example",
    ]


def test_a_thousand_notices_are_one_short_message():
    told = message.compose([Notice(Kind.EXPIRING, f"n{n}.example", "soon") for n in range(1000)], "web1")
    assert len(told.body.splitlines()) == message.MOST + 1
    assert told.body.endswith("and 980 more: renewd status")


def test_nothing_in_it_steers_a_terminal_or_begins_a_new_line():
    told = message.compose([Notice(Kind.FAILED, "a\n.example", "\x1b[31mx\u202e")], "web1")
    assert told.title.isprintable()
    assert told.body.isprintable()
