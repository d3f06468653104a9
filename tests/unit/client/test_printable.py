"""Text of a server as a person sees it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_arize_tasks.client.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("all is well", "all is well"),
        ("first\nERROR - forged line\r\nlast", "first ERROR - forged line last"),
        ("red \x1b[31malert\x1b[0m", "red alert"),
        ("cleared\x1b[2J\x1b[H", "cleared"),
        ("\x1b]0;new title\x07text", "text"),
        ("\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\", "click"),
        ("\x9b31mred", "red"),
        ("NUL\x00 and bell\x07", "NUL and bell"),
        ("abc\u202egnp.exe", "abcgnp.exe"),
        ("\u2066hidden\u2069", "hidden"),
        ("half \ud83d emoji", "half \ufffd emoji"),
        ("a\u2028b\u2029c\x85d", "a b c d"),
        ("zero\u200bwidth", "zerowidth"),
        ("日本語 Ünïcødé 😀", "日本語 Ünïcødé 😀"),
        (None, "None"),
        (17, "17"),
        ("", ""),
    ],
)
def test_what_a_person_sees(text: object, shown: str) -> None:
    assert printable(text) == shown


def test_a_long_text_is_cut_and_says_so() -> None:
    assert printable("x" * 501) == "x" * 497 + "..."
    assert printable("x" * 500) == "x" * 500
    assert printable("word " * 100, 12) == "word word..."
    assert printable("abcdef", 2) == ".."


def test_a_text_of_megabytes_costs_nothing() -> None:
    assert len(printable("\x1b]" * 5_000_000 + "é")) <= 500


@given(st.text(st.characters(codec=None), max_size=300), st.integers(0, 80))
def test_never_anything_that_a_terminal_or_a_log_obeys(text: str, limit: int) -> None:
    shown = printable(text, limit)

    assert len(shown) <= limit
    shown.encode()  # no lone surrogate
    assert all(unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp", "Co", "Cn") for c in shown)
    assert all(c in "\u200c\u200d" for c in shown if unicodedata.category(c) == "Cf")
    assert "\n" not in shown
