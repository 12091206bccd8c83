"""Write docstrings for mkdocstrings: doctests and call arguments as Markdown knows them."""

import re
from typing import Any

import griffe

DOCTEST = re.compile(r"^( *)>>> .*\n(?:\1.*\S.*\n?)*", re.M)
# Names that are described together, on a line or two.
TOGETHER = re.compile(r"^( +)(\w+(?:,\s+\w+)+)(?=: )", re.M)
CALL = re.compile(r"^Call arguments:\n((?: {4}.*\n?)+)", re.M)
EN_SPACE = "\u2002"  # griffe takes what follows a plain space for a type


def fenced(doctest: re.Match[str]) -> str:
    """Return a doctest as a fenced block."""
    indent, lines = doctest[1], doctest[0].rstrip("\n")
    return f"{indent}```pycon\n{lines}\n{indent}```\n"


def joined(names: re.Match[str]) -> str:
    """Return names that are described together in one line."""
    return names[1] + re.sub(r",\s+", f",{EN_SPACE}", names[2])


def listed(section: re.Match[str]) -> str:
    """Return the arguments of a call, a section that griffe does not know, as a list."""
    items = re.sub(r"^ {4}(\w.*?): ", r"- `\1`: ", section[1], flags=re.M)
    return "**Call arguments:**\n\n" + re.sub(r"^ {8}", "    ", items, flags=re.M)


class Markdown(griffe.Extension):
    """Changes every docstring before it is parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of one object."""
        if obj.docstring:
            text = CALL.sub(listed, DOCTEST.sub(fenced, obj.docstring.value))
            obj.docstring.value = TOGETHER.sub(joined, text)
