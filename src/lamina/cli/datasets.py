"""`lamina datasets`: what can be trained on by name."""

import math
from dataclasses import asdict
from typing import TYPE_CHECKING

from lamina.cli.options import Json, Traceback
from lamina.cli.outcome import outcome

if TYPE_CHECKING:
    from lamina.datasets import Listing


def datasets(json: Json = False, traceback: Traceback = False) -> None:
    """List the datasets known by name, their sizes and licences, and where their files are now."""
    with outcome(json=json, traceback=traceback) as result:
        from lamina.datasets import catalogue

        listings = catalogue()
        result.document = {'datasets': [asdict(listing) for listing in listings]}
        columns = ('Name', 'Example', 'Classes', 'Train', 'Test', 'Files', 'Where', 'Licence')
        result.table(*columns, rows=[_row(listing) for listing in listings], right=('Classes', 'Train', 'Test', 'Files'))


def _row(listing: 'Listing') -> tuple[str, ...]:
    shape = 'text' if listing.shape is None else ' × '.join(map(str, listing.shape))
    size = f'{math.ceil(listing.size_bytes / 1e6)} MB' if listing.size_bytes else ''
    counts = (str(listing.classes), f'{listing.train_size:,}', f'{listing.test_size:,}')
    return listing.name, shape, *counts, size, listing.where, listing.licence
