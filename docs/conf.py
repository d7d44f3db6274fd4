"""The documentation site: ``python -m sphinx -W --keep-going docs docs/_build`` (needs the extra
``docs``; no network).
"""

import logging
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

import torch

import theorems

torch.set_num_threads(1)
logging.getLogger("matplotlib").setLevel(logging.WARNING)

project = "theorems"
author = "The theorems maintainers"
project_copyright = author
version = release = theorems.__version__
language = "en"

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "myst_parser",
    "sphinx_copybutton",
    "mathml",
    "readme",
    "claim_pages",
    "errata_page",
    "evidence_page",
    "experiments_page",
    "options_page",
    "public_names",
    "offline",
]
exclude_patterns = ["_build"]
nitpicky = True
# annotations name torch, numpy and python-flint, which no site is asked about
nitpick_ignore_regex = [
    ("py:class", r".*"),
    ("py:obj", r"typing\..*"),
]
default_role = "py:obj"
default_domain = "py"
show_warning_types = True

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_google_docstring = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"theorems {version}"
html_math_renderer = "mathml"
html_favicon = "_static/favicon.svg"  # the mark at the end of a proof
html_static_path = ["_static"]
html_css_files = ["theorems.css"]
html_copy_source = False
html_show_sphinx = False
html_last_updated_fmt = None
pygments_style = "a11y-light"
pygments_dark_style = "a11y-dark"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1d4f8c", "color-brand-content": "#1d4f8c"},
    "dark_css_variables": {"color-brand-primary": "#8fb8ec", "color-brand-content": "#8fb8ec"},
}
copybutton_exclude = ".linenos, .gp, .go"
