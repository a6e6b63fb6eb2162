"""The command line: one verb a file, each thin over the same functions as the API. See `lamina --help`."""

from lamina.cli.app import app, main

__all__ = ['app', 'main']
