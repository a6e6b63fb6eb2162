"""Words everyone shares: errors, described settings, shapes, paths, random streams. Imports nothing above itself."""
