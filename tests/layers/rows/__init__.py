"""Every public layer and its meaningful settings, one file a family; tests/layers/test_parity.py goes through all of them."""

import importlib
import pkgutil

ROWS = [row for module in pkgutil.iter_modules(__path__) for row in importlib.import_module(f'{__name__}.{module.name}').ROWS]
