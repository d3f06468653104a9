"""TLS with a private certificate authority: trusted, not trusted, not checked."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from airflow_provider_arize_tasks.client import endpoints
from airflow_provider_arize_tasks.client.errors import ArizeConfigError, ArizeTlsError
from tests.unit.client.support import config_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GET = endpoints.get_task_run("x")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "10")
        self.end_headers()
        self.wfile.write(b'{"id":"x"}')

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for the loopback address, with its key behind it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Private CA")])
    now = dt.datetime.now(dt.timezone.utc)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=True,
                crl_sign=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + built.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture(scope="module")
def https_url(certificate: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_private_authority_is_not_trusted_by_itself(transport, https_url):
    with pytest.raises(ArizeTlsError, match=r"extra 'verify' to the path of its CA bundle.*self.signed") as caught:
        transport.send(config_for(https_url), endpoints.trigger_task_run("x"))
    assert not caught.value.retryable
    assert not caught.value.outcome_unknown


def test_its_bundle_makes_it_trusted(transport, https_url, certificate):
    assert transport.send(config_for(https_url, verify=str(certificate)), GET).id == "x"


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_the_environment_names_the_bundle(transport, https_url, certificate, monkeypatch, variable):
    for other in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(variable, str(certificate))
    assert transport.send(config_for(https_url), GET).id == "x"


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_verify_false(transport, https_url):
    config = config_for(https_url, verify="false")
    assert transport.send(config, GET).id == "x"
    assert "'verify' is false" in config.risks[0]


def test_a_bundle_that_is_missing_or_none_is_named(transport, https_url, tmp_path):
    with pytest.raises(ArizeConfigError, match=r"'arize_test'.*extra 'verify'.*does not exist"):
        transport.send(config_for(https_url, verify=str(tmp_path / "missing.pem")), GET)
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    with pytest.raises(ArizeConfigError, match=r"'arize_test'.*empty\.pem' can't be read"):
        transport.send(config_for(https_url, verify=str(empty)), GET)
