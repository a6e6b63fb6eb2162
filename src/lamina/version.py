"""The version, by itself so that nothing need import the package to know it."""

__version__ = '0.1.0'
