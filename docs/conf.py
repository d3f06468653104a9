"""Sphinx configuration: pages in MyST Markdown, the API reference from docstrings."""

from __future__ import annotations

import os
import tempfile

# autodoc imports the package, and importing Airflow makes a folder: not one in the reader's home.
os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-home-docs-"))

from airflow_provider_arize_tasks import __version__

project = "airflow-provider-arize-tasks"
author = "airflow-provider-arize-tasks maintainers"
copyright = "the maintainers, Apache-2.0"  # noqa: A001 - Sphinx's name
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosectionlabel",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]
nitpicky = False

html_theme = "furo"
html_title = f"airflow-provider-arize-tasks {__version__}"
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist", "linkify", "substitution"]
myst_heading_anchors = 4
myst_linkify_fuzzy_links = False
myst_substitutions = {"version": __version__}

autosectionlabel_prefix_document = True
autosectionlabel_maxdepth = 3
suppress_warnings = ["autosectionlabel.*"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_preserve_defaults = True
add_module_names = False

copybutton_exclude = ".linenos, .gp, .go"
linkcheck_ignore = [r"http://127\.0\.0\.1.*", r"https://.*\.example\.com.*"]
