"""Side-by-side timing of surrogates: ``python -m benchmarks``."""
