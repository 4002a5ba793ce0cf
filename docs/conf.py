"""The documentation site: `make docs` builds it into build/docs. No page requests anything from another host."""

from cyclopts import App
from docutils import nodes
from docutils.parsers.rst import Directive

from probes.cli.main import app as probes_app
from recursion_lens.launch import app as lens_app
from trm import __version__
from trm.cli.main import app as trm_app
from trm.cli.main import call

project = "Recursion Lens"
author = "the contributors of Recursion Lens"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["notebooks"]
html_theme = "furo"
html_title = f"Recursion Lens {__version__}"
html_copy_source = html_show_sourcelink = False
html_static_path = ["static"]
html_css_files = ["docs.css"]
html_js_files = ["docs.js"]

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

smartquotes = False  # they would turn the -- of options into dashes
default_role = "code"  # docstrings mark names with single backticks
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_class_signature = "mixed"
python_use_unqualified_type_names = True
pygments_style = "a11y-light"
pygments_dark_style = "a11y-dark"


PROGRAMS = {"trm": trm_app, "python -m probes": probes_app, "recursion-lens": lens_app}


class CommandHelp(Directive):
    """The help of every command of a program, one section each, as `PROGRAM COMMAND --help` prints it."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        program = self.arguments[0]
        sections = []
        for path in commands_of(PROGRAMS[program]):
            words = " ".join((program, *path))
            section = nodes.section(ids=[nodes.make_id(words)])
            section += nodes.title(text=words)
            text, _ = call(PROGRAMS[program], [*path, "--help"])
            section += nodes.literal_block(text=text, language="text")
            sections.append(section)
        return sections


def commands_of(app: App, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the words of all commands of a program, those in its groups included."""
    if app.default_command is not None:
        return [path]
    names = [name for name in app if not name.startswith("-")]
    return [command for name in names for command in commands_of(app[name], (*path, name))]


def give_captions_a_level(sphinx, name: str, template: str, context: dict, doctree) -> None:
    """Captions of the navigation are headings for screen readers, which need a level."""
    tree = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = tree.replace('role="heading"', 'role="heading" aria-level="2"')


def setup(sphinx) -> None:
    sphinx.add_directive("command-help", CommandHelp)
    sphinx.connect("html-page-context", give_captions_a_level, priority=900)  # after the theme
