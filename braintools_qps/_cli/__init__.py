"""The subcommands of ``python -m braintools_qps``, each a thin layer over the public functions."""
