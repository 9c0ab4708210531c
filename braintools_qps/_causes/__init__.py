"""Why a network does not learn: the `table` of all causes, and their `limits`."""

from .table import CAUSES, cause_word
