"""The demo's web server, as the program of its own that it is."""

import ssl
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from renewd.errors import RenewdError
from renewd.sandbox import Sandbox, demo, web

FILES = {"fullchain.pem": "fullChainCertificate.crt", "privkey.pem": "privateKey.key"}


@pytest.fixture
def put(sandbox: Sandbox, tmp_path):
    """Puts a new certificate into the folder that is served; its serial."""

    def put():
        held = sandbox.seed(demo.NAME).held
        for name, file in FILES.items():
            (tmp_path / name).write_bytes(held.files[file])
        return held.leaf.serial_number

    return put


@pytest.fixture
def port(sandbox: Sandbox, tmp_path, put) -> Iterator[int]:
    put()
    (tmp_path / "webroot").mkdir()
    words = ["serve", str(tmp_path), str(tmp_path), str(tmp_path / "webroot"), str(sandbox.http_port)]
    arguments = [sys.executable, web.__file__, *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        arguments, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout
        yield int(process.stdout.readline())
    assert process.returncode == 0


def _is_served_soon(port, serial):
    """Within so many connections that a reload which is coming has come."""
    return any(demo.served(port).serial_number == serial for _ in range(5000))


def test_it_serves_what_is_in_the_folder_once_it_is_told(port, put, tmp_path):
    old = demo.served(port).serial_number
    new = put()
    assert demo.served(port).serial_number == old
    assert web.main(["reload", str(tmp_path)]) == 0
    assert _is_served_soon(port, new)


def test_what_cannot_be_loaded_changes_nothing(port, put, tmp_path):
    old = demo.served(port).serial_number
    key = (tmp_path / "privkey.pem").read_bytes()
    put()
    (tmp_path / "privkey.pem").write_bytes(key)
    with pytest.raises(ssl.SSLError):
        web.main(["test", str(tmp_path), str(tmp_path)])
    web.main(["reload", str(tmp_path)])
    assert demo.served(port).serial_number == old
    good = put()
    web.main(["reload", str(tmp_path)])
    assert _is_served_soon(port, good)


def test_it_shows_the_files_of_the_web_root_and_a_page(port, sandbox, tmp_path):
    (tmp_path / "webroot" / "proof").write_text("here")
    # unverified: its certificate is of the test's clock, over by the machine's, and its name is not loopback's
    with httpx.Client(trust_env=False, verify=False) as client:
        assert client.get(f"http://127.0.0.1:{sandbox.http_port}/proof").text == "here"
        assert client.get(f"https://127.0.0.1:{port}/").text == "It works.\n"


def test_a_folder_that_fits_passes_the_test(put, tmp_path):
    put()
    assert web.main(["test", str(tmp_path), str(tmp_path)]) == 0


def test_a_server_that_is_not_there_is_told(sandbox):
    with pytest.raises(RenewdError, match="does not answer"):
        demo.served(sandbox.http_port)
