"""How Sphinx makes a site of the pages in this folder (make docs)."""

from __future__ import annotations

from docs.make.site import connect
from sizewise._version import __version__

project = "sizewise"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["make"]

myst_heading_anchors = 4

# Most blocks without a language are command lines.
highlight_language = "none"

# Defaults as they are written, not as they print.
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "undoc-members": True}

html_theme = "furo"
html_title = f"sizewise {version}"
html_static_path = ["make/static"]
html_css_files = ["site.css"]
html_copy_source = False
# A browser lets a page that is a file fetch no other: without summaries, search needs none.
html_show_search_summary = False
html_show_sphinx = False
html_show_copyright = False

setup = connect
