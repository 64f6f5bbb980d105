"""Single values: names, paths, addresses, command lines, durations, modes."""

from datetime import timedelta

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from renewd.config import addresses, commands, names, paths, units
from renewd.config.units import RenewBefore

GOOD_NAMES = (
    "example.com",
    "*.example.com",
    "WWW.Example.COM",
    "a.example.com,b.example.com",
    "a.example.com, *.example.com",
    "müller.example",
    "xn--mller-kva.example",
    "1.example",
    "a--b.example",
    "x" * 63 + ".example",
)


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_names_a_certificate_can_have(name):
    assert names.problem(name) is None


BAD_NAMES = {
    "": "has an empty name in it",
    " ": "has an empty name in it",
    "a.example.com,": "has an empty name in it",
    ",": "has an empty name in it",
    "a.example.com,,b.example.com": "has an empty name in it",
    "a.example.com,A.example.com": "a.example.com is in it twice",
    "example": "is one label only",
    "localhost": "is one label only",
    "192.0.2.1": "is an address",
    "192.0.2.300": "is an address",
    "2001:db8::1": "is an address",
    "[::1]": "is not a host name",
    "https://example.com": "is not a host name",
    "example.com/": "is not a host name",
    "../example.com": "is not a host name",
    "example.com:443": "is not a host name",
    "example.com.": "ends with a dot",
    "*": "wildcard that is not the whole first label",
    "*.": "ends with a dot",
    "w*.example.com": "wildcard that is not the whole first label",
    "www.*.example.com": "wildcard that is not the whole first label",
    "*.*.example.com": "wildcard that is not the whole first label",
    "a_b.example.com": "characters a host name cannot have",
    "a b.example.com": "characters a host name cannot have",
    "a\0.example.com": "characters a host name cannot have",
    "a\n.example.com": "characters a host name cannot have",
    "example.com\n": "characters a host name cannot have",
    "-a.example.com": "begins or ends with a hyphen",
    "a-.example.com": "begins or ends with a hyphen",
    "a..example.com": "label that is empty",
    ".example.com": "label that is empty",
    "example.123": "a number at the end",
    "\u2764\ufe0f .example": "is not a name the DNS can hold",
    "x" * 64 + ".example": "label of more than 63",
    ".".join(["x" * 60] * 5): "has 304 characters",
}


@pytest.mark.fault(78)
@pytest.mark.parametrize(("name", "why"), BAD_NAMES.items(), ids=[repr(name[:30]) for name in BAD_NAMES])
def test_names_no_certificate_can_have(name, why):
    problem = names.problem(name)
    assert problem is not None
    assert why in problem[0]
    assert problem[1]
    assert problem[0].isprintable()


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_an_address_is_told_where_it_goes(address):
    told = names.problem(address)
    assert told is not None
    said = told[1].partition("; ")[0].removeprefix("give the certificate a name, and write domains: ")
    assert yaml.safe_load(said) == [address]


@pytest.mark.fault(78)
@given(name=st.text() | st.from_regex(r"[a-z0-9.*, ÄΩ-]{1,20}", fullmatch=True))
def test_what_passes_is_in_canonical_form_afterwards(name):
    for part in name.split(",") if names.problem(name) is None else ():
        form = names.canonical(part.strip())
        assert form == names.canonical(form) == form.lower()
        assert form.isascii()
        assert set(form) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-*")


@pytest.mark.fault(78)
def test_letters_beyond_ascii_become_a_labels():
    assert names.canonical("Bücher.Example") == "xn--bcher-kva.example"
    assert names.canonical("ẞ\u0378.example") == "ß\u0378.example"


GOOD_PATHS = {
    "/a": "/a",
    "/a/": "/a",
    "//a//b": "/a/b",
    "/a/./b": "/a/b",
    "/a/{name}.pem": "/a/{name}.pem",
    "/a/..b/c..": "/a/..b/c..",
}


@pytest.mark.parametrize(("text", "path"), GOOD_PATHS.items())
def test_paths_are_plain_afterwards(text, path):
    assert paths.absolute(text) == path


BAD_PATHS = {
    "": "not an absolute path",
    "a": "not an absolute path",
    "~/a": "not an absolute path",
    "/a/../b": "climbs",
    "/..": "climbs",
    "/": "root of everything",
    "//": "root of everything",
    "/a\0": "cannot be seen",
    "/a\nb": "cannot be seen",
    "/a/${HOME}": "is not filled in",
    "/a/{domain}": "is not filled in",
    "/a/{name": "is not filled in",
    "/" + "a" * 5000: "has 5001 characters",
}


@pytest.mark.fault(77)
@pytest.mark.parametrize(("text", "why"), BAD_PATHS.items(), ids=[repr(text[:12]) for text in BAD_PATHS])
def test_paths_that_are_none(text, why):
    with pytest.raises(ValueError, match=why):
        paths.absolute(text)


def test_host_and_port():
    assert addresses.split("127.0.0.1:8402") == ("127.0.0.1", 8402)
    assert addresses.split("[::1]:443") == ("::1", 443)
    assert addresses.split("www.example.com:1") == ("www.example.com", 1)
    assert addresses.host_port("localhost:80") == "localhost:80"
    assert addresses.host("Blob.Example.NET") == "blob.example.net"


@pytest.mark.parametrize(
    "text",
    ["", "a", ":80", "a:", "a:0", "a:65536", "a:-1", "::1:80", "[a]:80", "[::1]", "a b:80", "a:\u0663"],
)
def test_what_is_no_host_and_port(text):
    with pytest.raises(ValueError, match="is not HOST:PORT"):
        addresses.split(text)


@pytest.mark.parametrize("text", ["", "a/b", "https://a", "a:1", "-a", "a..b"])
def test_what_is_no_host(text):
    with pytest.raises(ValueError, match="is not a host name"):
        addresses.host(text)


GOOD_URLS = [
    "https://a.example/public",
    "https://a.example:8443",
    "http://127.0.0.1:8080/public/",
    "http://[::1]:1",
    "http://localhost",
]


@pytest.mark.parametrize("url", GOOD_URLS)
def test_urls_of_an_api(url):
    assert addresses.base_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url", [*GOOD_URLS, "https://ca.example/acme/directory/", "https://ca.example/d?profile=a&b="]
)
def test_the_address_of_a_directory_stays_as_it_is_written(url):
    assert addresses.directory_url(url) == url


BAD_DIRECTORIES = {
    "ftp://a.example/directory": "not a web address; write it like https://acme.example.net/directory",
    "http://a.example/directory": "would let anybody on the way answer for the CA",
    "https://:s3cr3t@a.example/directory": "user or password",
    "https://a.example/directory#x": "fragment",
}


@pytest.mark.parametrize(("url", "why"), BAD_DIRECTORIES.items())
def test_what_is_no_address_of_a_directory(url, why):
    with pytest.raises(ValueError, match=why) as caught:
        addresses.directory_url(url)
    assert "s3cr3t" not in str(caught.value)


BAD_URLS = {
    "": "not a web address",
    "a.example": "not a web address",
    "ftp://a.example": "not a web address",
    "https://": "not a web address",
    "https://a:b": "not a web address",
    "https://a:99999": "not a web address",
    "https://a:0": "not a web address",
    "https://[::1": "not a web address",
    "https://a b": "not a web address",
    "http://a.example": "would show the network what is sent",
    "http://127.0.0.1.example": "would show the network what is sent",
    "http://localhost.example": "would show the network what is sent",
    "https://user@a.example": "user or password",
    "https://:s3cr3t@a.example": "user or password",
    "https://a.example/#x": "fragment",
    "https://a.example/ä": "fragment",
    "https://a.example/\x07": "fragment",
    "https://a.example/?key=s3cr3t": "a query",
}


@pytest.mark.parametrize(("url", "why"), BAD_URLS.items(), ids=[url or "nothing" for url in BAD_URLS])
def test_urls_of_no_api_are_told_without_repeating_them(url, why):
    with pytest.raises(ValueError, match=why) as caught:
        addresses.base_url(url)
    assert "s3cr3t" not in str(caught.value)
    assert "user@" not in str(caught.value)


def test_a_proxy_is_host_and_port():
    assert addresses.proxy("http://proxy.example:3128/") == "http://proxy.example:3128"
    for wrong in ("http://proxy.example/path", "http://proxy.example/?x", "socks5://proxy.example"):
        with pytest.raises(ValueError, match=r"host and port|web address"):
            addresses.proxy(wrong)


GOOD_LINES = [
    "nginx -t",
    "sh -c 'a && b; c > d'",
    "find /x -exec ls {} \\;",
    'echo "a;"',
    "echo a;b",
    "echo '&&'",
    "a \\&\\& b",
]


@pytest.mark.parametrize("line", GOOD_LINES)
def test_lines_that_need_no_shell(line):
    assert commands.problem(line, shell=False) is None


BAD_LINES = {
    "": "is empty",
    " ": "is empty",
    "a\0": "NUL",
    "a '": "a quote that is not closed",
    'a "b': "a quote that is not closed",
    "a \\": "a backslash with nothing after it",
    "''": "names no program",
    "a && b": "&& is a shell's",
    "a; b": "; is a shell's",
    "a ; b": "; is a shell's",
    "a | b": "| is a shell's",
    "a > b": "> is a shell's",
    "a 2>/dev/null": "2>/dev/null is a shell's",
    "a &": "& is a shell's",
}


@pytest.mark.parametrize(("line", "why"), BAD_LINES.items(), ids=[repr(line) for line in BAD_LINES])
def test_lines_that_would_not_do_what_they_say(line, why):
    problem = commands.problem(line, shell=False)
    assert problem is not None
    assert why in problem[0]


@pytest.mark.parametrize(("line", "wrong"), [("a && b; 'c", False), (" ", True), ("a\0", True)])
def test_a_shell_takes_what_is_its_own(line, wrong):
    said = {"shell": True}
    assert (commands.problem(line, **said) is not None) == wrong


@given(line=st.text())
def test_any_line_is_judged_and_what_passes_can_be_split(line):
    import shlex

    if commands.problem(line, shell=False) is None:
        assert shlex.split(line)[0]


@given(seconds=st.integers(0, 3650 * 86400))
def test_durations_are_read_back_as_they_are_shown(seconds):
    length = timedelta(seconds=seconds)
    assert units.duration(units.show_duration(length)) == length
    assert units.duration(length) is length


@pytest.mark.parametrize(
    "text",
    ["", "1", "1w", "-1s", "1.5h", "1h30m", "3651d", "999999999d", " 1s", "1s\n", "\u0661s", None, 5, True],
)
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="; write a"):
        units.duration(text)


@given(
    before=st.builds(lambda a, b: f"{a}/{a + b}", st.integers(1, 999), st.integers(1, 999)) | st.just("30d")
)
def test_rules_are_read_back_as_they_are_shown(before):
    rule = units.renew_before(before)
    assert units.renew_before(str(rule)) == units.renew_before(rule) == rule


@pytest.mark.parametrize("text", ["", "0/3", "3/3", "4/3", "1/0", "0s", "0.3", "1/3/4", None, 30, "30"])
def test_what_is_no_rule(text):
    with pytest.raises(ValueError, match="; write "):
        units.renew_before(text)


def test_the_default_rule_is_a_third():
    assert str(RenewBefore()) == "1/3"


@pytest.mark.parametrize(
    ("text", "bits"), [("0600", 0o600), ("640", 0o640), ("0440", 0o440), ("0660", 0o660)]
)
def test_modes(text, bits):
    assert units.mode(text) == bits


MODES = {
    "0644": "lets everybody",
    "0666": "lets everybody",
    "0641": "lets everybody",
    "0700": "its owner reads",
    "0240": "its owner reads",
}
MODES |= {
    "rw": "is not a file mode",
    "0800": "is not a file mode",
    "06000": "is not a file mode",
    "": "is not a file mode",
}


@pytest.mark.fault(75)
@pytest.mark.parametrize(
    ("value", "why"),
    [*MODES.items(), (640, "is a number"), (True, "is not a file mode"), (None, "is not a file mode")],
)
def test_modes_that_are_none(value, why):
    with pytest.raises(ValueError, match=why):
        units.mode(value)
