"""Signals as mail, and the second wish to leave."""

import os
import signal

import pytest

from renewd.daemon import signals


def test_signals_come_as_mail_in_order():
    with signals.watched() as inbox:
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)
        assert [inbox.next(), inbox.next()] == [signal.SIGHUP, signal.SIGTERM]
        assert inbox.next(0.0) is None


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
def test_who_asks_twice_to_leave_does_not_wait(first: signal.Signals):
    with signals.watched():
        os.kill(os.getpid(), first)
        os.kill(os.getpid(), signal.SIGHUP)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)


def test_the_handlers_from_before_are_back_afterwards():
    before = {number: signal.getsignal(number) for number in signals.WATCHED}
    with signals.watched():
        pass
    assert {number: signal.getsignal(number) for number in signals.WATCHED} == before
