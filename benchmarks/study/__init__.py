"""The surrogate study: which of tail, scale, dampening and learning rate decides, and what tells.

What was trained is in ``docs/results/surrogate_study.json``; the programs that trained it are in
the history of this folder. ``python -m benchmarks.study --write`` puts figures into the pages.

Start with `design` (what there was to train) and `plan` (in which order). `store` keeps. `picks`
chooses settings and `data` hands out arrays to one file for each question: `variance`, `tails`,
`shapes`, `equal`, `predict`, `regret`, `joint`, `defaults`. `numbers` and `tables` show, as does
``docs/figures/study.py``, and `claims` ties the pages to them.

`advice` has the models of which `gradient_flow` and `normalize_surrogate` said something, `advised`
shows what came of it.
"""
