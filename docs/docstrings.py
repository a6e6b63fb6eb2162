"""For mkdocstrings: doctests in docstrings become code blocks, which Markdown would otherwise read as quotes and links."""

import re

import griffe

# From a line of `>>>` to the next empty line, with the indentation of its first line.
_DOCTEST = re.compile(r'^(?P<indent> *)>>> .*(?:\n(?! *$).*)*', re.MULTILINE)


class Doctests(griffe.Extension):
    """Puts every doctest between fences."""

    def on_object(self, *, obj: griffe.Object, loader: griffe.GriffeLoader, **kwargs) -> None:
        """Rewrite the docstring of each object when it was loaded."""
        if obj.docstring is not None:
            obj.docstring.value = _DOCTEST.sub(_fenced, obj.docstring.value)


def _fenced(found: re.Match) -> str:
    indent = found['indent']
    return f'{indent}```pycon\n{found[0]}\n{indent}```'
