"""The version of this package, for the build as well: to read it from the installed metadata takes a tenth of a start."""

from typing import Final

__all__ = ["VERSION"]

VERSION: Final = "0.2.0"
