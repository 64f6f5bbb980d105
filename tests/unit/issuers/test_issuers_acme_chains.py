"""Which chain of those that a CA offers is taken, and what is said where the wanted one is not among them."""

from collections.abc import Iterator

from renewd.issuers import acme_chains
from tests.certificates import Authority, pem


def chain(name: str) -> bytes:
    authority = Authority.new(name)
    issued = authority.issue(["a.example"])
    return pem(issued.leaf, authority.intermediate_signer.certificate)


FIRST, SECOND = chain("First"), chain("Second")


def test_the_usual_one_is_taken_without_a_look_at_the_others_where_it_will_do():
    def none() -> Iterator[bytes]:
        raise AssertionError("no other chain is asked for")
        yield b""

    assert acme_chains.preferred("First Root", FIRST, none()) == (FIRST, "")


def test_the_one_that_leads_to_the_wanted_root_is_taken():
    assert acme_chains.preferred("Second Root", FIRST, [SECOND]) == (SECOND, "")


def test_the_usual_one_is_taken_and_the_offered_ones_are_told_where_none_does():
    taken, said = acme_chains.preferred("Third Root", FIRST, [b"no chain", SECOND])
    assert taken == FIRST
    assert said.startswith("the CA offers no chain to 'Third Root', which preferred_chain asks for, only to ")
    assert said.endswith("only to First Root, Second Root; its usual chain was taken")
