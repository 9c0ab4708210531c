"""The subcommands of ``python -m braintools_qps``, each a thin layer over the public functions.

One file for each subcommand, with ``add_arguments(parser)`` and ``run(arguments)``; start with
`list`, which is short. They share `console` (options, logging, error messages) and `data`
(--task, --data and --model). Import JAX, and modules that need it,
only in ``run``: --help must be fast.
"""
