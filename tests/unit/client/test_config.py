from __future__ import annotations

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_arize_tasks.client.config import ClientConfig, config_from_fields
from airflow_provider_arize_tasks.client.errors import ArizeConfigError


def read(password="ak-1234567890", host=None, port=None, schema=None, **extra) -> ClientConfig:
    return config_from_fields(conn_id="c1", password=password, host=host, port=port, schema=schema, extra=extra)


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({}, "https://api.arize.com"),
        ({"schema": "https"}, "https://api.arize.com"),
        ({"region": "eu-west-1a"}, "https://api.eu-west-1a.arize.com"),
        ({"region": " US-Central-1a "}, "https://api.us-central-1a.arize.com"),
        ({"host": "arize.example.com"}, "https://arize.example.com"),
        ({"host": " arize.example.com "}, "https://arize.example.com"),
        ({"host": "arize.example.com", "port": 8443}, "https://arize.example.com:8443"),
        ({"host": "arize.example.com", "port": "8443"}, "https://arize.example.com:8443"),
        ({"host": "arize.example.com", "port": 0}, "https://arize.example.com"),
        ({"host": "127.0.0.1", "port": 8899, "schema": "http"}, "http://127.0.0.1:8899"),
        ({"host": "localhost", "port": 8899, "schema": "HTTP"}, "http://localhost:8899"),
        ({"host": "http://127.0.0.1:8899"}, "http://127.0.0.1:8899"),
        ({"host": "http://127.0.0.1:8899/"}, "http://127.0.0.1:8899"),
        ({"host": "http://127.0.0.1", "port": 8899}, "http://127.0.0.1:8899"),
        ({"host": "https://gw.example.com/arize/"}, "https://gw.example.com/arize"),
        ({"host": "https://gw.example.com/v2"}, "https://gw.example.com"),
        ({"host": "arize.example.com:8443"}, "https://arize.example.com:8443"),
        ({"host": "http://[::1]:8899"}, "http://[::1]:8899"),
        ({"host": "arize_internal", "schema": "http"}, "http://arize_internal"),
    ],
)
def test_base_url(fields, url):
    assert read(**fields).base_url == url


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"password": None}, "password is empty"),
        ({"password": "  "}, "password is empty"),
        ({"password": "Bearer abc"}, "without 'Bearer'"),
        ({"password": "a b"}, "password holds characters"),
        ({"password": "ab\r\nX: y"}, "password holds characters"),
        ({"password": "schlüssel"}, "password holds characters"),
        ({"host": "a.example.com", "region": "eu-west-1a"}, "exclude each other"),
        ({"region": "evil.com/"}, "extra 'region' must be"),
        ({"region": "eu--west"}, "extra 'region' must be"),
        ({"region": "x@evil"}, "extra 'region' must be"),
        ({"region": "a" * 41}, "extra 'region' must be"),
        ({"region": "eu-west-1a.evil.com#"}, "extra 'region' must be"),
        ({"region": 5}, "extra 'region' must be text"),
        ({"host": "ftp://a.example.com"}, "host has the scheme 'ftp'"),
        ({"host": "https://user:pw@a.example.com"}, "host must not hold credentials"),
        ({"host": "http://api.arize.com"}, "host is Arize's own cloud, where the key is never sent unencrypted"),
        ({"host": "http://api.eu-west-1a.ARIZE.com."}, "host is Arize's own cloud"),
        ({"host": "api.arize.com", "schema": "http"}, "host is Arize's own cloud"),
        ({"region": "eu/../../evil"}, "extra 'region' must be letters, digits and single hyphens"),
        ({"region": "evil.example.com/"}, "extra 'region' must be letters"),
        ({"region": "a@evil"}, "extra 'region' must be letters"),
        ({"host": "https://a.example.com/?q=1"}, "host must not hold a query"),
        ({"host": "https://"}, "host holds no valid host name"),
        ({"host": "a b"}, "host holds no valid host name"),
        ({"host": "https://a.example.com:99999"}, "host is not a URL"),
        ({"host": "https://a.example.com/../x y"}, "host has a path"),
        ({"host": "http://a.example.com", "schema": "https"}, "schema 'https' contradicts"),
        ({"host": "http://a.example.com:1", "port": 2}, "port 2 contradicts"),
        ({"host": "a.example.com", "port": "many"}, "port must be a number"),
        ({"host": "a.example.com", "schema": "grpc"}, "schema must be 'http' or 'https'"),
        ({"port": 80}, "port is given without a host"),
        ({"schema": "http"}, "schema 'http' needs a host"),
        ({"timeout": 0}, "extra 'timeout' must be greater than zero"),
        ({"timeout": "soon"}, "extra 'timeout' must be a number (seconds), or an object"),
        ({"timeout": "inf"}, "extra 'timeout' must be a finite number"),
        ({"timeout": True}, "extra 'timeout' must be a number"),
        ({"timeout": {"connect": -1}}, "extra 'timeout' must be greater than zero"),
        ({"timeout": {"write": 1}}, "not 'write'"),
        ({"timeout": "{broken"}, "extra 'timeout' must be a JSON object"),
        ({"verify": 5}, "extra 'verify' must be true, false or the path"),
        ({"proxies": "socks5://x:1"}, "extra 'proxies' has no valid URL"),
        ({"proxies": "x:1"}, "extra 'proxies' has no valid URL"),
        ({"proxies": {"ftp": "http://x:1"}}, "not 'ftp'"),
        ({"proxies": [1]}, "extra 'proxies' must be an object"),
        ({"headers": {"Authorization": "x"}}, "must not set 'Authorization'"),
        ({"headers": {"content-TYPE": "x"}}, "must not set 'content-TYPE'"),
        ({"headers": {"Accept": "x"}}, "must not set 'Accept'"),
        ({"headers": {"X-Ü": "x"}}, "invalid header name"),
        ({"headers": {"X: y": "x"}}, "invalid header name"),
        ({"headers": {"X": "a\nb"}}, "line break or a NUL"),
        ({"headers": {"X": "a\rb"}}, "line break or a NUL"),
        ({"headers": {"X": "a\0b"}}, "line break or a NUL"),
        ({"headers": {"X": "日本"}}, "outside Latin-1"),
        ({"headers": {"X": 5}}, "not text"),
        ({"headers": "nonsense"}, "extra 'headers' must be a JSON object"),
        ({"enum_case": "title"}, "extra 'enum_case' must be 'upper' or 'lower'"),
        ({"max_requests_per_second": "0"}, "extra 'max_requests_per_second' must be greater"),
        ({"app_url": "app.arize.com"}, "extra 'app_url'"),
    ],
)
def test_what_is_wrong_is_named(fields, says):
    with pytest.raises(ArizeConfigError) as caught:
        read(**fields)
    assert says in str(caught.value)
    assert "connection 'c1'" in str(caught.value)


def test_credentials_in_a_host_are_refused_without_quoting_them():
    with pytest.raises(ArizeConfigError) as caught:
        read(host="https://someone:hidden-word@a.example.com")
    assert "hidden-word" not in str(caught.value)
    assert "someone" not in str(caught.value)


def test_everything_wrong_is_named_at_once():
    with pytest.raises(ArizeConfigError) as caught:
        read(password="", host="a b", timeout="x", enum_case="y", headers=3)
    text = str(caught.value)
    assert [part for part in ("password", "host", "timeout", "enum_case", "headers") if part not in text] == []


def test_values_as_a_form_gives_them():
    config = read(
        timeout="30",
        verify="false",
        proxies='{"https": "http://u:p@proxy:3128", "http": ""}',
        headers='{"X-Team": " llm "}',
        enum_case="LOWER",
        max_requests_per_second="2.5",
        space=" prod ",
        organization="",
        app_url="https://arize.example.com/",
        region="  ",
    )
    assert (config.connect_timeout, config.read_timeout) == (10, 30)
    assert config.verify is False
    assert config.proxies == {"https": "http://u:p@proxy:3128"}
    assert config.headers == {"X-Team": "llm"}
    assert config.enum_case == "lower"
    assert config.max_requests_per_second == 2.5
    assert config.space == "prod"
    assert config.organization is None
    assert config.app_url == "https://arize.example.com"


@pytest.mark.parametrize(
    ("given_value", "expected"),
    [
        (None, (10, 60)),
        (5, (5, 5)),
        (120.5, (10, 120.5)),
        ({"connect": 3}, (3, 60)),
        ({"read": "90"}, (10, 90)),
        ('{"connect": 1, "read": 2}', (1, 2)),
    ],
)
def test_timeouts(given_value, expected):
    config = read(timeout=given_value)
    assert (config.connect_timeout, config.read_timeout) == expected


@pytest.mark.parametrize(
    ("given_value", "expected"),
    [(True, True), (False, False), ("true", True), ("False", False), ("0", False), ("/ca.pem", "/ca.pem"), ("", True)],
)
def test_verify(given_value, expected):
    assert read(verify=given_value).verify == expected


def test_key_is_trimmed_and_secrets_are_not_shown():
    config = read(
        password=" ak-key\n", proxies="http://mia:pr%20oxy@p:1", headers={"X-Token": "to-ken"}, host="a.example.com"
    )
    assert config.api_key == "ak-key"
    assert set(config.secrets) == {"ak-key", "pr%20oxy", "pr oxy", "bWlhOnByIG94eQ==", "to-ken"}
    for secret in config.secrets:
        assert secret not in repr(config)


def test_unknown_extras_are_told(caplog):
    with caplog.at_level(logging.WARNING):
        read(regoin="eu-west-1a")
    assert "extra 'regoin' means nothing to this provider; did you mean 'region'?" in caplog.text


@pytest.mark.parametrize(
    ("fields", "risky"),
    [
        ({}, False),
        ({"host": "http://127.0.0.1:1"}, False),
        ({"host": "http://localhost"}, False),
        ({"host": "http://127.1.2.3:8080"}, False),
        ({"host": "http://[::1]:8080"}, False),
        ({"host": "http://[::ffff:127.0.0.1]"}, False),
        ({"host": "http://arize.localhost"}, False),
        ({"host": "http://127.evil.example"}, True),
        ({"host": "http://127.0.0.1.evil.example"}, True),
        ({"host": "http://localhost.evil.example"}, True),
        ({"host": "http://notlocalhost"}, True),
        ({"host": "http://0.0.0.0"}, True),
        ({"host": "http://arize.example.com"}, True),
        ({"verify": False}, True),
    ],
)
def test_risks(fields, risky):
    assert bool(read(**fields).risks) is risky


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
EXTRAS = st.dictionaries(
    st.sampled_from(
        [
            "region",
            "space",
            "timeout",
            "verify",
            "proxies",
            "headers",
            "enum_case",
            "max_requests_per_second",
            "app_url",
        ]
    ),
    VALUES,
)


@settings(max_examples=25, deadline=None)
@given(
    password=st.none() | st.text(), host=st.none() | st.text(), port=VALUES, schema=st.none() | st.text(), extra=EXTRAS
)
def test_whatever_the_fields_hold_only_our_own_error_is_raised(password, host, port, schema, extra):
    try:
        config = config_from_fields(conn_id="c", password=password, host=host, port=port, schema=schema, extra=extra)
    except ArizeConfigError:
        return
    assert config.base_url.startswith(("http://", "https://"))
    if not host:
        assert config.base_url.endswith(".arize.com")
