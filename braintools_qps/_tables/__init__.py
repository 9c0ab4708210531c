"""What results look like: tables as text, HTML and CSV, and the sentences below them.

Start with `Table` in `table`; `fields` has the tables of small records, `flow` those of gradient
flows. `comparison` makes the table of a comparison and `columns` declares its columns, `verdict`
says which candidate is best, `notes` explains the numbers, `closing` ends every result, `picture`
is above that of a flow in a notebook, `methods` tells what was done, and `tidy` has a line for each
candidate, seed, epoch or trial. Nothing here imports `records`: a record is passed in and read by
its attributes.
"""

from .closing import closing_of_preparation, wrapped
from .comparison import comparison_table, comparison_text
from .fields import (
    fields_table,
    memory_table,
    rates_table,
    relayed_table,
)
from .flow import diagnoses, flow_table, flows_table
from .methods import methods, versions
from .scores import score_of
from .settings import value_text, varied_names
from .table import Table, cell, html_note, text_table
from .tidy import csv_text, tidy_lines
from .verdict import convergence, verdict
from .words import plural
