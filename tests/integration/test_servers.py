"""The servers that other tests build on do what those tests expect of them."""

import http.client

import pytest

from tests.certificates import Authority
from tests.servers import Site, program


@pytest.fixture
def pairs():
    authority = Authority.new()
    return [authority.issue(["shop.example"]) for _ in range(2)]


def write(folder, issued):
    (folder / "fullchain.pem").write_bytes(issued.fullchain_pem)
    (folder / "key.pem").write_bytes(issued.key_pem)
    (folder / "combined.pem").write_bytes(issued.fullchain_pem + issued.key_pem)


def test_nginx_serves_a_site_and_the_webroot(nginx, tmp_path, pairs):
    write(tmp_path, pairs[0])
    server = nginx(Site("shop.example", tmp_path / "fullchain.pem", tmp_path / "key.pem"))
    (server.webroot / "hello").write_text("hello")
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=10)
    connection.request("GET", "/hello")
    assert connection.getresponse().read() == b"hello"
    connection.close()
    assert server.served("shop.example") == pairs[0].leaf


def test_haproxy_serves_the_combined_file_and_takes_a_new_one_by_its_runtime_interface(
    haproxy, tmp_path, pairs
):
    write(tmp_path, pairs[0])
    server = haproxy(tmp_path / "combined.pem")
    assert server.served("shop.example") == pairs[0].leaf
    write(tmp_path, pairs[1])
    text = (tmp_path / "combined.pem").read_text()
    server.admin(f"set ssl cert {tmp_path}/combined.pem <<\n{text}\n")
    assert "Success" in server.admin(f"commit ssl cert {tmp_path}/combined.pem")
    assert server.served("shop.example") == pairs[1].leaf


def test_a_program_that_is_absent_fails_the_test_with_the_package_to_install():
    with pytest.raises(
        pytest.fail.Exception, match="no-such-server is not installed; as root: apt-get install the-package"
    ):
        program("no-such-server", "the-package")
