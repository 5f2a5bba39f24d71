"""Tables of exact predictions, in which a column's old name still works."""

import warnings

import pandas as pd

RENAMED = {"p_common": "unity"}  # old name of a column: its name; until 0.2


class Predictions(pd.DataFrame):
    """What `predict` returns; an old name of a column gives the column and warns.

    Whatever is computed from it (a selection, a join) is an ordinary DataFrame with the new names.
    """

    @property
    def _constructor(self):
        return pd.DataFrame

    def __getitem__(self, key):
        if isinstance(key, str):
            return super().__getitem__(self._current(key))
        if isinstance(key, list):
            return super().__getitem__([self._current(name) for name in key])
        return super().__getitem__(key)

    def __getattr__(self, name):
        return super().__getattr__(self._current(name))

    def _current(self, name):
        """The name of today; a column of the table goes by its own."""
        if not isinstance(name, str) or name not in RENAMED or name in self.columns:
            return name
        new = RENAMED[name]
        message = f"the column '{name}' of predict is called '{new}' and goes by its old name until 0.2"
        warnings.warn(message, DeprecationWarning, stacklevel=3)
        return new
