"""Where a browser finds a report."""

from __future__ import annotations

import pytest

from airflow_provider_arize_tasks.quality.report.address import (
    address_problem,
    path_problem,
    report_address,
    report_name,
    without_userinfo,
)


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("file:///var/reports/n 1.html", None),
        ("/var/reports/n.html", None),
        ("s3://bucket/quality/n.html", "https://console.aws.amazon.com/s3/object/bucket?prefix=quality%2Fn.html"),
        ("s3://aws_default@bucket/q/n.html", "https://console.aws.amazon.com/s3/object/bucket?prefix=q%2Fn.html"),
        ("gs://google_default@bucket/q/n.html", "https://storage.cloud.google.com/bucket/q/n.html"),
        ("https://reports.example.com/n.html", "https://reports.example.com/n.html"),
        ("abfs://container@account/n.html", None),
        ("reports/n.html", None),
    ],
)
def test_address_told_from_the_path(path: str, address: str | None) -> None:
    assert report_address(path) == address


def test_an_address_of_its_own_gets_the_file_name_where_it_ends_in_a_slash() -> None:
    assert report_address("s3://b/q/n 1.html", "https://x.example.com/q/") == "https://x.example.com/q/n%201.html"
    assert report_address("s3://b/q/n.html", "https://x.example.com/latest") == "https://x.example.com/latest"


@pytest.mark.parametrize(
    ("experiment", "start"),
    [
        ("nightly 2026-11-23", "nightly-2026-11-23-"),
        ("nightly manual__2026-11-23T02:00:00+00:00", "nightly-manual__2026-11-23T02-00-00-00-00-"),
        ("../../etc/passwd", "etc-passwd-"),
        ("\u591c", "experiment-"),
        ("\ud83d", "experiment-"),
        ("x" * 300, "x" * 100 + "-"),
    ],
)
def test_file_names_are_plain(experiment: str, start: str) -> None:
    name = report_name(experiment, "an id")
    assert name.startswith(start)
    assert len(name) == len(start) + 8


def test_no_two_experiments_share_a_name() -> None:
    names = ["\u591c", "\u663c", "x" * 150 + "a", "x" * 150 + "b", "a b", "a-b"]
    assert len({report_name(name, f"id {index}") for index, name in enumerate(names)}) == len(names)
    assert report_name("same", "one") != report_name("same", "other")


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "file:///x", "ftp://x", "//x", "https://u:p@x/", "https://"]
)
def test_only_web_addresses_without_a_user_are_taken(address: str) -> None:
    assert address_problem(address)
    assert address_problem("https://reports.example.com/q/") is None


def test_a_secret_in_a_path_is_refused_and_never_shown() -> None:
    secret = "s3://AKIA:wJalrXUtnFEMI@bucket/q"
    assert path_problem(secret)
    assert "wJalr" not in str(path_problem(secret))
    assert without_userinfo(secret) == "s3://bucket/q"
    assert path_problem("s3://aws_default@bucket/q") is None
    assert without_userinfo("s3://aws_default@bucket/q") == "s3://aws_default@bucket/q"
