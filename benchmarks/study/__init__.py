"""The study: where to start, whether the surrogate matters, and whether verdicts hold.

Start with `trainings`: problems, surrogates, settings, and the files that keep every score.
`trained` reads them as arrays. `start`, `matter`, `equal` and `referee` each make the tables of a
page of docs/results; `lowering` settled one question for the guide.
"""
