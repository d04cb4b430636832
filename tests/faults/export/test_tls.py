"""How TLS fails and what is said of it, over real handshakes: rows 24 to 26 of the table of faults."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from nrdot.errors import ConfigError, Retryable
from nrdot.export.endpoint import proxy
from nrdot.export.tls import Tls, TlsFiles
from nrdot.testing.delivery.requests import POINTS, request
from nrdot.testing.servers.certificates import Authority, server_context
from nrdot.testing.servers.otlp import OtlpServer, Reply
from nrdot.testing.servers.proxy import HttpProxy

# Every request has a connection of its own, so that every request shakes hands.
ONE_EACH = Reply(headers={"Connection": "close"})


@pytest.fixture(scope="module")
def authority():
    return Authority("Test authority")


@pytest.fixture
def ca_file(authority, tmp_path):
    return authority.write(tmp_path)


@pytest.fixture
def trusting(ca_file, exporter):
    """Makes exporters that know the authority, with whatever else is configured."""

    def make(server, **files):
        return exporter(server, tls=TlsFiles(ca_file=ca_file, **files))

    return make


@pytest.fixture
def serving(tmp_path):
    """Starts servers with a certificate."""
    started = []

    def start(certificate, **context):
        started.append(OtlpServer(ONE_EACH, tls=server_context(certificate, tmp_path, **context)))
        return started[-1]

    yield start
    for server in started:
        server.close()


def refusal(sender) -> str:
    with pytest.raises(Retryable) as caught:
        sender.export(request(2), 2 * POINTS)
    assert caught.value.alarm
    return str(caught.value)


def test_a_server_of_a_known_authority_takes_requests_over_one_connection(authority, tmp_path, trusting):
    context = server_context(authority.issue("collector"), tmp_path)
    with OtlpServer(tls=context) as server:
        sender = trusting(server)
        for _ in range(3):
            sender.export(request(2), 2 * POINTS)
        assert server.points == 3 * 2 * POINTS
        assert server.connections == 1


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        ({"ends": -0.5}, "its certificate has expired"),
        ({"begins": 0.5}, "its certificate is not valid yet"),
        ({"names": ("10.9.9.9",)}, "its certificate is for another IP address"),
    ],
)
def test_a_certificate_that_does_not_hold_is_refused_in_words(
    authority, serving, trusting, certificate, words
):
    server = serving(authority.issue("collector", **certificate))
    assert words in refusal(trusting(server))
    assert server.requests == []


def test_a_certificate_for_another_host_is_refused_in_words(authority, ca_file, serving, exporter):
    server = serving(authority.issue("collector", names=("collector.example",)))
    sender = exporter(server, f"https://localhost:{server.port}", tls=TlsFiles(ca_file=ca_file))
    assert "its certificate is for another host name" in refusal(sender)


def test_a_server_name_stands_in_for_the_host_of_the_endpoint(authority, ca_file, serving, exporter):
    server = serving(authority.issue("collector", names=("collector.example",)))
    files = TlsFiles(ca_file=ca_file, server_name="collector.example")
    exporter(server, tls=files).export(request(2), 2 * POINTS)
    assert server.points == 2 * POINTS


def test_an_unknown_authority_is_refused_in_words(serving, trusting):
    server = serving(Authority("Somebody else").issue("collector"))
    assert "unknown authority" in refusal(trusting(server))
    assert server.requests == []


def test_a_wrong_pin_is_refused_before_a_byte_of_the_request_is_sent(authority, serving, trusting):
    certificate, other = authority.issue("collector"), authority.issue("other")
    server = serving(certificate)
    said = refusal(trusting(server, pins=(other.pin,)))
    assert "matches no pin" in said
    assert certificate.pin in said
    assert server.requests == []


def test_a_backup_pin_lets_the_key_be_changed(authority, ca_file, serving, exporter):
    old, new = authority.issue("collector"), authority.issue("collector")
    files = TlsFiles(ca_file=ca_file, pins=(old.pin, f"sha256/{new.pin}"))
    for certificate in (old, new):
        server = serving(certificate)
        exporter(server, tls=files).export(request(2), 2 * POINTS)
        assert server.points == 2 * POINTS


def test_pins_hold_behind_a_tunnel_too(authority, ca_file, serving, exporter):
    certificate, other = authority.issue("collector"), authority.issue("other")
    server = serving(certificate)
    with HttpProxy() as between:
        way = proxy(f"http://127.0.0.1:{between.port}")
        good = exporter(server, proxy=way, tls=TlsFiles(ca_file=ca_file, pins=(certificate.pin,)))
        good.export(request(2), 2 * POINTS)
        assert between.tunnels == [f"127.0.0.1:{server.port}"]
        assert "matches no pin" in refusal(
            exporter(server, proxy=way, tls=TlsFiles(ca_file=ca_file, pins=(other.pin,)))
        )
    assert len(server.requests) == 1


def test_the_environment_widens_neither_pins_nor_a_named_authority(
    authority, serving, exporter, tmp_path, monkeypatch
):
    evil = Authority("Man in the middle")
    bundle = evil.write(tmp_path, "bundle")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, bundle)
    server = serving(evil.issue("collector"))
    genuine = authority.issue("collector")
    assert "matches no pin" in refusal(exporter(server, tls=TlsFiles(pins=(genuine.pin,))))
    assert "unknown authority" in refusal(exporter(server, tls=TlsFiles(ca_file=authority.write(tmp_path))))
    assert server.requests == []


def test_the_environment_does_not_break_what_is_configured(authority, serving, trusting, monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, "/nowhere.pem")
    certificate = authority.issue("collector")
    server = serving(certificate)
    trusting(server, pins=(certificate.pin,)).export(request(2), 2 * POINTS)
    assert server.points == 2 * POINTS


def test_a_server_that_speaks_only_old_tls_is_refused_unless_it_is_allowed(authority, serving, trusting):
    server = serving(authority.issue("collector"), newest=ssl.TLSVersion.TLSv1_2)
    assert "min_version" in refusal(trusting(server))
    trusting(server, min_version="1.2").export(request(2), 2 * POINTS)
    assert server.points == 2 * POINTS


def test_https_to_a_plain_port_says_so(exporter, ca_file):
    with OtlpServer() as server:
        sender = exporter(server, f"https://127.0.0.1:{server.port}", tls=TlsFiles(ca_file=ca_file))
        assert "it does not speak TLS" in refusal(sender)


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_missing_client_certificate_is_named(authority, ca_file, serving, exporter, newest):
    server = serving(authority.issue("collector"), clients=authority, newest=newest)
    files = TlsFiles(ca_file=ca_file, min_version="1.2")
    assert "client certificate" in refusal(exporter(server, tls=files))
    # With a body that the server never reads, too: its alert must not drown in the reset that follows.
    with pytest.raises(Retryable, match="client certificate"):
        exporter(server, tls=files, compression="none").export(request(20_000), 80_000)


def test_a_client_certificate_of_an_unknown_authority_is_named(authority, serving, trusting, tmp_path):
    server = serving(authority.issue("collector"), clients=authority)
    cert, key = Authority("Somebody else").issue("agent").write(tmp_path, "client")
    said = refusal(trusting(server, cert_file=cert, key_file=key))
    assert "does not know the authority of our client certificate" in said


def test_a_rotated_client_certificate_is_used_from_the_next_request_on(authority, tmp_path, trusting):
    context = server_context(authority.issue("collector"), tmp_path, clients=authority)
    cert, key = authority.issue("agent-old").write(tmp_path, "client")
    with OtlpServer(tls=context) as server:
        sender = trusting(server, cert_file=cert, key_file=key)
        sender.export(request(2), 2 * POINTS)
        authority.issue("agent-new").write(tmp_path, "client")
        sender.export(request(2), 2 * POINTS)
        sender.export(request(2), 2 * POINTS)
        assert [received.client for received in server.requests] == ["agent-old", "agent-new", "agent-new"]
        assert server.connections == 2


def test_a_half_written_key_leaves_the_last_good_certificate_in_use(
    authority, serving, trusting, tmp_path, caplog
):
    server = serving(authority.issue("collector"), clients=authority)
    cert, key = authority.issue("agent-old").write(tmp_path, "client")
    sender = trusting(server, cert_file=cert, key_file=key)
    new = authority.issue("agent-new")
    half_written = [
        (new.pem, authority.issue("agent-old").key_pem),
        (new.pem, new.key_pem[: len(new.key_pem) // 2]),
        (new.pem, b""),
        (b"", new.key_pem),
    ]
    for pem, key_pem in half_written:
        (tmp_path / "client.pem").write_bytes(pem)
        (tmp_path / "client.key").write_bytes(key_pem)
        for _ in range(2):
            sender.export(request(2), 2 * POINTS)
    (tmp_path / "client.key").unlink()
    sender.export(request(2), 2 * POINTS)
    assert {received.client for received in server.requests} == {"agent-old"}
    assert sum("the last good ones stay" in line.message for line in caplog.records) <= len(half_written) + 1
    new.write(tmp_path, "client")
    sender.export(request(2), 2 * POINTS)
    assert server.requests[-1].client == "agent-new"


def test_a_rotated_authority_is_read_again(authority, serving, trusting, tmp_path):
    server = serving(authority.issue("collector"))
    Authority("The one before").write(tmp_path)
    sender = trusting(server)
    assert "unknown authority" in refusal(sender)
    authority.write(tmp_path)
    sender.export(request(2), 2 * POINTS)
    assert server.points == 2 * POINTS


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (TlsFiles(cert_file="a.pem"), "go together"),
        (TlsFiles(min_version="1.1"), "not 1.2 or 1.3"),
        (TlsFiles(ca_file="/nowhere/ca.pem"), "cannot read /nowhere/ca.pem"),
        (TlsFiles(pins=("c2hvcnQ=",)), "is not the base64 of a SHA-256"),
        (TlsFiles(pins=("ü",)), "is not the base64 of a SHA-256"),
    ],
)
def test_unusable_settings_are_a_clean_error_at_start(files, words):
    with pytest.raises(ConfigError, match=words):
        Tls(files)


def test_the_key_of_another_certificate_is_a_clean_error_at_start(authority, tmp_path):
    cert, _ = authority.issue("one").write(tmp_path, "one")
    _, key = authority.issue("two").write(tmp_path, "two")
    with pytest.raises(ConfigError, match=r"two.key is not the key of .*one.pem"):
        Tls(TlsFiles(cert_file=cert, key_file=key))


def test_an_encrypted_key_is_refused_and_never_asked_about(authority, tmp_path):
    cert, key = authority.issue("one").write(tmp_path, "one")
    plain = serialization.load_pem_private_key(Path(key).read_bytes(), None)
    secret = serialization.BestAvailableEncryption(b"secret")
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    Path(key).write_bytes(plain.private_bytes(pem, form, secret))
    with pytest.raises(ConfigError, match="cannot be used"):
        Tls(TlsFiles(cert_file=cert, key_file=key))


def test_the_dot_that_ends_a_full_name_is_no_part_of_it(authority, serving, trusting):
    server = serving(authority.issue("server", names=["shop.test"]))
    assert trusting(server, server_name="shop.test.").export(request(2), 2 * POINTS).rejected_points == 0
