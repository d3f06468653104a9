"""Where a browser finds a report."""

from __future__ import annotations

import pytest

from airflow_provider_arize_tasks.quality.report.address import report_address, report_name


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("file:///var/reports/n 1.html", "file:///var/reports/n%201.html"),
        ("/var/reports/n.html", "file:///var/reports/n.html"),
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
    ("experiment", "name"),
    [
        ("nightly 2026-11-23", "nightly-2026-11-23.html"),
        ("nightly manual__2026-11-23T02:00:00+00:00", "nightly-manual__2026-11-23T02-00-00-00-00.html"),
        ("../../etc/passwd", "etc-passwd.html"),
        ("夜", "experiment.html"),
        ("x" * 300, "x" * 150 + ".html"),
    ],
)
def test_file_names_are_plain(experiment: str, name: str) -> None:
    assert report_name(experiment) == name
