"""The subcommands of ``python -m braintools_qps``, each a thin layer over the public functions.

One file for each subcommand, with ``add_arguments(parser)`` and ``run(arguments)``; start with
`list`, which is short. What they share is in `console` (options, notes, output), `factories`
(models of the user's own), `errors` (what to say of one), and `writing`
(figures). Modules import JAX, and what needs it, only in ``run``: help must cost nothing.
"""
