"""Which CAA records let a CA issue: the examples of RFC 8659 and RFC 8657, and what holds for all records."""

import string
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from renewd.certs.caa import Answer, Applicant, Record, climbing, deciding, objection

EXAMPLE = Applicant(("ca1.example.net",), "http-01", "https://ca1.example.net/account/1234")


def record(line: str) -> Record:
    """As RFC 8659 writes them: `0 issue "ca1.example.net"`."""
    flags, tag, value = line.split(" ", 2)
    return Record(int(flags), tag, value.strip('"'))


def refused(name: str, *lines: str, applicant: Applicant = EXAMPLE) -> str:
    """Why, empty if it is permitted."""
    found = objection(name, Answer("certs.example.com", tuple(record(line) for line in lines)), applicant)
    return "" if found is None else found.what


PERMITTED = {  # RFC 8659 §4.2 to §4.5, §5.2; RFC 8657 §5
    "no record": ("a.example", []),
    "this CA": ("a.example", ['0 issue "ca1.example.net"']),
    "this CA among others": ("a.example", ['0 issue ";"', '0 issue "ca2.example.org"', '0 issue "ca1.example.net"']),
    "with parameters that only the CA knows": ("a.example", ['0 issue "ca1.example.net; account=230123"']),
    "with a semicolon and nothing behind it": ("a.example", ['0 issue "ca1.example.net;"']),
    "with white space wherever it may be": ("a.example", ['0 issue "  ca1.example.net ;\ta = b  ; c=d "']),
    "in other letters": ("a.example", ['0 IsSuE "CA1.Example.NET"']),
    "only where to report to": ("a.example", ['0 iodef "mailto:security@example.com"']),
    "only about wildcards, which this is not": ("a.example", ['0 issuewild ";"']),
    "about mail": ("a.example", ['128 issuemail ";"']),
    "of an unknown kind": ("a.example", ['0 tbs "Unknown"']),
    "critical, and known": ("a.example", ['128 issue "ca1.example.net"', '128 iodef "mailto:a@example.com"']),
    "another flag": ("a.example", ['1 tbs "Unknown"']),
    "a wildcard by the plain property": ("*.a.example", ['0 issue "ca1.example.net"']),
    "a wildcard by its own": ("*.a.example", ['0 issue "ca2.example.org"', '0 issuewild "ca1.example.net"']),
    "this account": ("a.example", ['0 issue "ca1.example.net; accounturi=https://ca1.example.net/account/1234"']),
    "this account at its older address": ("a.example", ['0 issue "ca1.example.net; accounturi=https://v1.ca1.example.net/reg/1234"']),
    "this kind of proof among others": ("a.example", ['0 issue "ca1.example.net; validationmethods=dns-01,http-01"']),
    "one of several for the same CA": (
        "a.example",
        ['0 issue "ca1.example.net; validationmethods=dns-01"', '0 issue "ca1.example.net"'],
    ),
}  # fmt: skip

REFUSED = {
    "nobody": ("a.example", ['0 issue ";"']),
    "nothing written": ("a.example", ['0 issue ""']),
    "another CA": ("a.example", ['0 issue "ca2.example.org"']),
    "not written as it must be": ("a.example", ['0 issue "%%%%%"']),
    "a parameter that is none": ("a.example", ['0 issue "ca1.example.net; policy"']),
    "a parameter's value of two words": ("a.example", ['0 issue "ca1.example.net; a=b c"']),
    "a name that ends with a dot": ("a.example", ['0 issue "ca1.example.net."']),
    "a part of the name": ("a.example", ['0 issue "example.net"']),
    "critical and unknown": ("a.example", ['0 issue "ca1.example.net"', '128 tbs "Unknown"']),
    "a wildcard to nobody": ("*.a.example", ['0 issue "ca1.example.net"', '0 issuewild ";"']),
    "a wildcard to another CA": ("*.a.example", ['0 issue "ca1.example.net"', '0 issuewild "ca2.example.org"']),
    "another account": ("a.example", ['0 issue "ca1.example.net; accounturi=https://ca1.example.net/account/2345"']),
    "another kind of proof": ("a.example", ['0 issue "ca1.example.net; validationmethods=dns-01"']),
    "no kind of proof": ("a.example", ['0 issue "ca1.example.net; validationmethods="']),
    "the right proof of another CA": (
        "a.example",
        ['0 issue "ca2.example.org"', '0 issue "ca1.example.net; validationmethods=dns-01"'],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PERMITTED)
def test_what_the_standards_permit_is_permitted(case: str):
    name, lines = PERMITTED[case]
    assert refused(name, *lines) == ""


@pytest.mark.parametrize("case", REFUSED)
def test_what_they_refuse_is_refused(case: str):
    name, lines = REFUSED[case]
    assert refused(name, *lines)


def test_what_is_not_known_of_the_applicant_keeps_it_from_nothing():
    line = (
        '0 issue "ca1.example.net; accounturi=https://ca1.example.net/account/2345; validationmethods=dns-01"'
    )
    assert refused("a.example", line, applicant=Applicant(("ca1.example.net",))) == ""


def test_any_of_the_ca_s_names_will_do():
    applicant = Applicant(("ca0.example.net", "ca1.example.net"))
    assert refused("a.example", '0 issue "ca1.example.net"', applicant=applicant) == ""


def test_it_is_told_whose_records_they_are_whom_they_permit_and_which_record_helps():
    answer = Answer("example.com", (record('0 issue "ca2.example.org; a=b"'), record('0 issue ";"')))
    found = objection("www.example.com", answer, EXAMPLE)
    assert found is not None
    assert found.what == (
        "the CAA records of example.com let only 'ca2.example.org; a=b' issue for www.example.com, so not ca1.example.net"
    )
    assert found.remedy.endswith('example.com. CAA 0 issue "ca1.example.net"')


def test_the_record_that_helps_is_as_narrow_as_those_that_are_there():
    narrow = "accounturi=https://ca1.example.net/account/1; validationmethods=dns-01"
    answer = Answer("example.com", (record(f'0 issuewild "ca1.example.net; {narrow}"'),))
    found = objection("*.example.com", answer, EXAMPLE)
    assert found is not None
    assert (
        "so not ca1.example.net by http-01 for the account https://ca1.example.net/account/1234" in found.what
    )
    line = 'CAA 0 issuewild "ca1.example.net; accounturi=https://ca1.example.net/account/1234; validationmethods=http-01"'
    assert found.remedy.endswith(f"example.com. {line}")


def test_what_a_record_says_cannot_write_on_a_terminal():
    what = refused("a.example", '0 issue "ca2.example.org"', '0 issue "ca2.example.org; a=\x1b[2J\n"')
    assert what
    assert what.isprintable()


def test_the_nearest_name_with_records_decides():
    wide, near = (
        Answer("example.com", (record('0 issue ";"'),)),
        Answer("b.example.com", (record("0 iodef x"),)),
    )
    answers = {"a.b.example.com": Answer(), "b.example.com": near, "example.com": wide, "com": Answer()}
    assert deciding("a.b.example.com", answers) is near
    assert deciding("*.b.example.com", answers) is near
    assert deciding("example.com", answers) is wide
    assert deciding("com", answers) == Answer()


def test_behind_a_name_that_could_not_be_read_there_may_be_records():
    wide, lost = Answer("example.com", (record('0 issue ";"'),)), Answer(failed="SERVFAIL")
    answers = {"a.example.com": lost, "example.com": wide, "com": lost}
    assert deciding("a.example.com", answers) is lost
    assert deciding("example.com", answers) is wide, "what is above it does not matter"


LABELS = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8)
NAMES = st.lists(LABELS, min_size=1, max_size=6).map(".".join)
ISSUERS = st.sampled_from(
    ["ca1.example.net", "ca2.example.org", "CA1.EXAMPLE.NET", "", "-", "ca1.example.net."]
)
PARAMETERS = st.sampled_from(
    [
        "",
        ";",
        "; a=b",
        "; ",
        "; validationmethods=http-01",
        "; validationmethods=dns-01",
        "; accounturi=x",
        "; x",
    ]
)
VALUES = st.builds(str.__add__, ISSUERS, PARAMETERS) | st.text(max_size=20)
TAGS = st.sampled_from(["issue", "ISSUE", "issuewild", "iodef", "tbs"])
RECORDS = st.builds(Record, st.sampled_from([0, 1, 128]), TAGS, VALUES)
SETS = st.lists(RECORDS, max_size=5).map(tuple)


def permitted(name: str, records: tuple[Record, ...]) -> bool:
    return objection(name, Answer("example.com", records), EXAMPLE) is None


@given(name=NAMES, wild=st.booleans())
def test_climbing_ends_below_the_root_and_never_meets_the_wildcard_s_own_label(name: str, wild: bool):
    climbed = list(climbing(f"*.{name}" if wild else name))
    assert climbed[0] == name
    assert climbed[-1] == name.rpartition(".")[2]
    assert all(above == below.partition(".")[2] for below, above in pairwise(climbed))


@given(records=SETS, name=st.sampled_from(["a.example", "*.a.example"]), data=st.data())
def test_the_order_of_the_records_decides_nothing(
    records: tuple[Record, ...], name: str, data: st.DataObject
):
    assert permitted(name, records) == permitted(name, tuple(data.draw(st.permutations(records))))


@given(records=SETS)
def test_what_is_about_wildcards_decides_nothing_else(records: tuple[Record, ...]):
    others = tuple(each for each in records if each.tag.lower() != "issuewild")
    assert permitted("a.example", records) == permitted("a.example", others)


@given(records=SETS)
def test_without_a_property_of_its_own_a_wildcard_is_like_any_name(records: tuple[Record, ...]):
    others = tuple(each for each in records if each.tag.lower() != "issuewild")
    assert permitted("*.a.example", others) == permitted("a.example", others)


@given(records=SETS, name=st.sampled_from(["a.example", "*.a.example"]))
def test_one_more_record_for_somebody_else_permits_nothing(records: tuple[Record, ...], name: str):
    more = (*records, Record(0, "issue", "ca3.example"), Record(0, "issuewild", "ca3.example"))
    assert permitted(name, records) or not permitted(name, more)


@given(records=SETS, name=st.sampled_from(["a.example", "*.a.example"]))
def test_the_record_that_is_told_helps(records: tuple[Record, ...], name: str):
    assume(not any(each.flags == 128 and each.tag == "tbs" for each in records))
    found = objection(name, Answer("example.com", records), EXAMPLE)
    if found is not None:
        assert found.what.isprintable()
        line = found.remedy.partition("example.com. CAA ")[2]
        assert permitted(name, (*records, record(line)))
