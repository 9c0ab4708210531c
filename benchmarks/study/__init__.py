"""The study: which rules of choosing a surrogate, its height and its learning rate hold.

Start with `trainings`: problems, calls of `compare`, and the summary that is kept of them.
`trained` reads it as arrays, `rules` replays searches on them, `starts` judges settings that nobody
searched for, `equal` counts false claims, and `pages` writes what the documentation shows.
"""
