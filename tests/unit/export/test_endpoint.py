from __future__ import annotations

import pytest

from nrdot.errors import ConfigError
from nrdot.export.endpoint import endpoint, environment_proxy, proxy


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://collector:4318", "/v1/metrics"),
        ("http://collector:4318/", "/v1/metrics"),
        ("https://collector/otlp/v1/metrics", "/otlp/v1/metrics"),
        ("https://collector/api/otlp", "/api/otlp"),
        ("https://collector?key=1", "/v1/metrics?key=1"),
        ("https://collector/write?key=1", "/write?key=1"),
    ],
)
def test_an_address_without_a_path_gets_the_usual_one_and_a_path_is_left_alone(url, path):
    assert endpoint(url).path == path


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://collector:4318", "/v1/metrics"),
        ("https://gateway/otlp", "/otlp/v1/metrics"),
        ("https://gateway/otlp/", "/otlp/v1/metrics"),
    ],
)
def test_a_base_address_gets_the_usual_path_behind_its_own(url, path):
    assert endpoint(url, base=True).path == path


@pytest.mark.parametrize(
    ("url", "port", "tls"),
    [
        ("http://h", 80, False),
        ("https://h", 443, True),
        ("HTTPS://H:4318", 4318, True),
        ("http://[::1]:9", 9, False),
    ],
)
def test_scheme_and_port_are_read(url, port, tls):
    found = endpoint(url)
    assert (found.port, found.tls) == (port, tls)


@pytest.mark.parametrize("url", ["grpc://collector:4317", "http://collector:4317", "grpc://collector"])
def test_a_grpc_endpoint_is_refused_with_the_http_one_named(url):
    with pytest.raises(ConfigError, match="http://collector:4318"):
        endpoint(url)


@pytest.mark.parametrize(
    "url",
    [
        "collector:4318",
        "collector",
        "",
        "http://",
        "http://collector:port",
        "http://collector:70000",
        "ftp://collector",
        "http://a..b/",
        "http://" + "x" * 70 + ".example",
        "http://collector/a b",
        "http://collector\r\nX: y",
        "http://[::1",
        "unix:///run/otlp.sock",
    ],
)
def test_an_address_that_cannot_be_used_is_one_clean_line(url):
    with pytest.raises(ConfigError) as caught:
        endpoint(url)
    assert "\n" not in str(caught.value)
    assert "endpoint" in str(caught.value)


def test_credentials_in_an_address_are_refused_and_not_repeated():
    with pytest.raises(ConfigError, match="headers") as caught:
        endpoint("https://user:hunter2@collector")
    assert "hunter2" not in str(caught.value)


def test_the_text_of_an_endpoint_leaves_out_the_query():
    assert str(endpoint("https://collector/write?key=hunter2")) == "https://collector/write"
    assert str(endpoint("http://[::1]:4318")) == "http://[::1]:4318/v1/metrics"


def test_a_proxy_has_credentials_that_its_text_leaves_out():
    found = proxy("http://agent:p%40ss@proxy.example:3128")
    assert (found.host, found.port) == ("proxy.example", 3128)
    assert found.authorization == "Basic YWdlbnQ6cEBzcw=="
    assert str(found) == "proxy.example:3128"


@pytest.mark.parametrize("url", ["socks5://proxy:1080", "https://proxy:3128", "proxy:3128"])
def test_a_proxy_of_another_kind_is_refused(url):
    with pytest.raises(ConfigError, match="http://"):
        proxy(url)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ""),
        ({"https_proxy": "http://p:3128"}, "http://p:3128"),
        ({"HTTPS_PROXY": "p:3128"}, "http://p:3128"),
        ({"https_proxy": "http://low:1", "HTTPS_PROXY": "http://high:1"}, "http://low:1"),
        ({"http_proxy": "http://p:3128"}, ""),
        ({"https_proxy": "http://p:1", "no_proxy": "collector.example.com"}, ""),
        ({"https_proxy": "http://p:1", "NO_PROXY": "a, .example.com"}, ""),
        ({"https_proxy": "http://p:1", "no_proxy": "Example.com:4318"}, ""),
        ({"https_proxy": "http://p:1", "no_proxy": "*"}, ""),
        ({"https_proxy": "http://p:1", "no_proxy": "ample.com, example.com:443, ,"}, "http://p:1"),
    ],
)
def test_the_environments_proxy_is_read_as_the_collector_reads_it(environment, expected):
    assert environment_proxy(endpoint("https://collector.example.com:4318"), environment) == expected


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "[::1]"])
def test_nobody_reaches_this_very_host_through_a_proxy(host):
    assert environment_proxy(endpoint(f"http://{host}:4318"), {"http_proxy": "http://p:3128"}) == ""
