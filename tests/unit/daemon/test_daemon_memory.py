import ctypes
import weakref

import pytest

from renewd.daemon import memory


class Thing:
    """Something that holds on to itself."""

    def __init__(self):
        self.me = self


def test_garbage_is_gone_when_memory_is_given_back():
    seen = weakref.ref(Thing())
    memory.give_back()
    assert seen() is None


@pytest.mark.parametrize("spare", [memory.give_back, memory.keep_together])
def test_a_libc_without_these_functions_does_without(spare, monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    spare()
