"""The configuration from the environment variables of the vendor's SDK."""

from __future__ import annotations

import pytest

from airflow_provider_arize_tasks.client.errors import ArizeConfigError
from airflow_provider_arize_tasks.hooks.environment import config_from_environment, has_environment

KEY = {"ARIZE_API_KEY": "ak-secret"}


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, "https://api.arize.com"),
        ({"ARIZE_REGION": "eu-west-1a"}, "https://api.eu-west-1a.arize.com"),
        ({"ARIZE_API_HOST": "arize.example.com"}, "https://arize.example.com"),
        (
            {"ARIZE_API_HOST": "127.0.0.1", "ARIZE_API_SCHEME": "http", "ARIZE_API_PORT": "8899"},
            "http://127.0.0.1:8899",
        ),
        ({"ARIZE_API_HOST": "http://127.0.0.1:8899", "ARIZE_API_SCHEME": "https"}, "http://127.0.0.1:8899"),
        ({"ARIZE_SINGLE_HOST": "one.example.com", "ARIZE_SINGLE_PORT": "8443"}, "https://one.example.com:8443"),
        ({"ARIZE_BASE_DOMAIN": "arize.example.com"}, "https://api.arize.example.com"),
        ({"ARIZE_API_PORT": "0"}, "https://api.arize.com"),
        ({"ARIZE_API_HOST": " "}, "https://api.arize.com"),
    ],
)
def test_says_where_the_server_is(environ, url):
    assert config_from_environment({**KEY, **environ}).base_url == url


def test_takes_space_proxy_and_certificates():
    config = config_from_environment(
        {
            **KEY,
            "ARIZE_SPACE": "prod",
            "ARIZE_PROXY_URL": "http://user:word@proxy:3128",
            "ARIZE_SSL_CA_CERT": "/etc/ca.pem",
            "ARIZE_REQUEST_VERIFY": "true",
        }
    )
    assert (config.space, config.verify) == ("prod", "/etc/ca.pem")
    assert config.proxies == {"http": "http://user:word@proxy:3128", "https": "http://user:word@proxy:3128"}
    assert "ak-secret" not in repr(config)
    assert "word" not in repr(config)


@pytest.mark.parametrize(("text", "verify"), [("false", False), ("1", True)])
def test_verify(text, verify):
    assert config_from_environment({**KEY, "ARIZE_REQUEST_VERIFY": text}).verify is verify


def test_two_places_exclude_each_other():
    with pytest.raises(ArizeConfigError, match="ARIZE_REGION and ARIZE_API_HOST exclude each other"):
        config_from_environment({**KEY, "ARIZE_REGION": "eu-west-1a", "ARIZE_API_HOST": "x.example.com"})


def test_a_wrong_value_names_the_environment():
    with pytest.raises(ArizeConfigError, match=r"the ARIZE_\* environment variables: .*region"):
        config_from_environment({**KEY, "ARIZE_REGION": "eu west"})


@pytest.mark.parametrize("environ", [{}, {"ARIZE_API_KEY": "  "}])
def test_needs_a_key(environ):
    assert not has_environment(environ)
    with pytest.raises(ArizeConfigError, match="ARIZE_API_KEY is not set"):
        config_from_environment(environ)
