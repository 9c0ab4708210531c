"""The surrogate study: which of tail, scale, dampening and learning rate decides, and what tells.

``python -m benchmarks.study`` trains what is missing of the plan, cell by cell, and keeps each in
``docs/results/surrogate_study.json`` as soon as it is there, so that it can be interrupted at any
time; ``--page`` writes the page from that file. Start with `design` (what is trained, in which
order), then `cells` (how), `networks` and `flows` (on what, and what is measured before training).
The analysis is in `questions`, one file for each.
"""
