"""Tables as plain text for the terminal and as Markdown for the documents, from the same rows."""

from measure.ratios import DIFFERS, FAILED, Row

COMPARISON = ('', 'whole process', 'of Lamina', 'warm epoch', 'of floor', 'peak memory', 'of Lamina', 'import', 'accuracy')


def times(ratio: float | None) -> str:
    """A ratio as it is read: `3.2×`, or a dash."""
    return '–' if ratio is None else f'{ratio:.2f}×' if ratio < 10 else f'{ratio:.1f}×'


def seconds(value: float | None) -> str:
    """Seconds with two figures after the point below ten, three below one."""
    if value is None:
        return '–'
    return f'{value:.3f} s' if value < 1 else f'{value:.2f} s' if value < 10 else f'{value:.1f} s'


def mebibytes(value: float | None) -> str:
    """Bytes as whole MiB."""
    return '–' if value is None else f'{value / 2**20:.0f} MiB'


def versions(installed: dict[str, str]) -> str:
    """`lamina 0.1.0, jax 0.10.2`, Python last."""
    return ', '.join(f'{name} {version}' for name, version in sorted(installed.items(), key=lambda item: item[0] == 'python'))


def comparison(rows: list[Row]) -> list[tuple[str, ...]]:
    """The cells of a comparison, its header first."""
    return [COMPARISON, *map(_cells, rows)]


def notes(rows: list[Row]) -> list[str]:
    """What a reader must know of single rows."""
    return [f'{row.title}: {_note(row)}' for row in rows if row.note]


def _note(row: Row) -> str:
    return f'{FAILED}: {row.note.splitlines()[0]}' if row.verdict == FAILED else row.note


def _cells(row: Row) -> tuple[str, ...]:
    if row.verdict == FAILED:
        return (row.title, FAILED, *('–',) * (len(COMPARISON) - 2))
    accuracy = f'{row.accuracy:.4f}' + (f' ({DIFFERS})' if row.verdict == DIFFERS else '')
    return (
        row.title,
        seconds(row.wall_s),
        times(row.wall_ratio),
        seconds(row.warm_epoch_s),
        times(row.floor_ratio),
        mebibytes(row.peak_bytes),
        times(row.peak_ratio),
        seconds(row.import_s),
        accuracy,
    )


def as_text(cells: list[tuple[str, ...]]) -> str:
    """Columns under one another, the first to the left and the others to the right, with a rule below the header."""
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    lines = ['  '.join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in cells]
    return '\n'.join([lines[0], '─' * len(lines[0]), *lines[1:]])


def as_markdown(cells: list[tuple[str, ...]]) -> str:
    """A Markdown table, the first column to the left and the others to the right."""
    lines = ['| ' + ' | '.join(cell.replace('|', '\\|') for cell in line) + ' |' for line in cells]
    rule = '|---|' + '---:|' * (len(cells[0]) - 1)
    return '\n'.join([lines[0], rule, *lines[1:]])
