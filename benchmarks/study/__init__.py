"""The study: where to start, whether the surrogate matters, and whether verdicts hold.

Start with `plans.toml`: surrogates, settings, and what the pages ask. `trainings` trains them on
the problems, and keeps every score in files; `trained` reads them as arrays. `start`, `matter`,
`equal` and `referee` each make the tables of a page of docs/results; `lowering` settled one
question for the guide.
"""
