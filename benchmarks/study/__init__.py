"""The surrogate study: which of tail, scale, dampening and learning rate decides, and what tells.

``python -m benchmarks.study`` trains what is missing of the plan, cell by cell, and keeps each in
``docs/results/surrogate_study.json`` as soon as it is there, so that it can be interrupted at any
time. ``--write`` puts today's figures into the pages that quote them.

Start with `design` (what there is to train) and `plan` (in which order). `cells`, `bench`,
`networks`, `tasks` and `rules` train; `flows` measures before training; `store` keeps. `picks`
chooses settings and `data` hands out arrays to one file for each question: `variance`, `tails`,
`shapes`, `equal`, `predict`, `regret`, `joint`, `defaults`. `numbers` and `tables` show, as does
``docs/figures/study.py``, and `claims` ties the pages to them.

``python -m benchmarks.study.advice`` does the same for what `gradient_flow` and
`normalize_surrogate` say: `saying` asks them, `prepared` changes the models, `advised` shows what
came of it.
"""
