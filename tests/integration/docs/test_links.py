"""Links between the Markdown files lead somewhere: README and its like, which Sphinx doesn't read, and the pages."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
#: ``[text](target)`` and ``[](target)``, not within code.
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^(```+|:::+).*?^\1$|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    """Every Markdown file of the project, without what tools leave behind in ignored folders."""
    found = [
        *REPOSITORY.glob("*.md"),
        *(REPOSITORY / "docs").rglob("*.md"),
        *REPOSITORY.glob("*/*/README.md"),
        *REPOSITORY.glob(".github/*.md"),
    ]
    return [path for path in found if "_build" not in path.parts]


def links(page: Path) -> list[str]:
    return [target for target in LINK.findall(CODE.sub("", page.read_text())) if "://" not in target]


def anchors(page: Path) -> set[str]:
    """Anchors of the headings, as GitHub and MyST make them, and those that are set by hand."""
    text = re.sub(r"^(```+).*?^\1$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE)
    plain = (re.sub(r"[^\w\s-]", "", heading.lower()).strip() for heading in headings)
    return {re.sub(r"\s", "-", heading) for heading in plain} | set(re.findall(r"^\((\w+)\)=$", text, re.MULTILINE))


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_leads_somewhere(page):
    for target in links(page):
        path, _, anchor = target.partition("#")
        aim = (page.parent / path).resolve() if path else page
        assert aim.exists(), target
        if anchor and aim.suffix == ".md":
            # Names of functions and classes are anchors of Sphinx's; its own build checks those.
            assert anchor in anchors(aim) or anchor.startswith("airflow_provider"), target


def test_there_are_links_to_check():
    assert sum(len(links(page)) for page in pages()) > 40


def test_every_page_and_readme_is_looked_at():
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    templates = "airflow_provider_arize_tasks/"  # what reports are filled into
    assert {REPOSITORY / name for name in listed.stdout.split() if not name.startswith(templates)} <= set(pages())
