"""Targets: one name each, with what its entry says filled in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.config import targets
from renewd.config.model import Certificate, Command, Hooks, Http01, Install
from renewd.config.targets import Target

LABELS = st.from_regex(r"[a-z][a-z0-9]{0,8}\.example", fullmatch=True)
NAMES = st.lists(LABELS | LABELS.map("*.{}".format), min_size=1, max_size=30, unique=True)


@given(parts=NAMES, data=st.data())
def test_spelling_and_order_are_no_part_of_the_identity(parts, data):
    other = data.draw(st.permutations(parts))
    written = data.draw(st.sampled_from([",", ", ", " , "])).join(part.upper() for part in other)
    assert targets.identity(written) == targets.identity(",".join(parts))


@pytest.mark.fault(78)
@given(one=NAMES, other=NAMES)
def test_different_names_never_share_a_folder(one, other):
    if set(one) != set(other):
        assert targets.slug(",".join(one)) != targets.slug(",".join(other))


@pytest.mark.fault(78)
@given(parts=NAMES)
def test_a_folder_s_name_is_short_and_plain(parts):
    slug = targets.slug(",".join(parts))
    assert len(slug) <= 200
    assert not set(slug) & set("/*, \0")


def test_folders_are_named_as_the_contract_says():
    assert targets.slug("*.contoso.com") == "_.contoso.com"
    assert targets.slug("contoso.com, WWW.contoso.com") == "contoso.com+www.contoso.com"
    assert targets.parts(" ") == ()
    assert targets.parts("b.example,,A.example, b.example") == ("b.example", "a.example")


def entry(**said):
    return Certificate(name="a.example", **said)


def test_a_web_root_has_the_name_filled_in():
    filled = Target("*.a.example", entry(challenge=Http01(type="http-01", webroot="/w/{name}")), "rcl")
    plain = Target("a.example", entry(challenge=Http01(type="http-01", webroot="/w")), "rcl")
    assert filled.challenge.webroot == "/w/_.a.example"
    assert plain.challenge is plain.entry.challenge
    assert Target("a.example", entry(), "rcl").challenge is None


def test_files_and_folders_have_the_name_filled_in():
    install = (Install(directory="/l/{name}"), Install(files={"key": "/k/{name}.key", "cert": "/c"}))
    target = Target("a.example", entry(install=install), "rcl")
    assert [place.directory for place in target.places] == ["/l/a.example", None]
    assert target.places[1].files == (("key", "/k/a.example.key"), ("cert", "/c"))
    assert (target.slug, target.identity, target.domains, repr(target)) == (
        "a.example",
        "a.example",
        ("a.example",),
        "Target('a.example')",
    )


def test_a_name_in_a_hook_is_one_word_whatever_it_holds():
    plain = targets.fill(Command(run="tell --name={name} 'a b'"), "*.a.example,b.example")
    assert plain.argv == ("tell", "--name=*.a.example,b.example", "a b")
    assert plain.line == "tell --name=*.a.example,b.example 'a b'"
    shell = targets.fill(Command.model_validate({"run": "tell {name} && x", "shell": True}), "*.a.example")
    assert shell.argv == ("/bin/sh", "-c", "tell '*.a.example' && x")


def test_targets_with_equal_check_and_reload_share_a_group():
    hooks = Hooks(check="nginx -t", reload=("nginx -s reload",), post="tell {name}")
    one, other = (Target(name, entry(hooks=hooks), "rcl") for name in ("a.example", "b.example"))
    assert one.hooks.group == other.hooks.group
    assert one.hooks.post != other.hooks.post
