"""Networks of the casebook, one file for each kind; `design` has what a table says of one."""
