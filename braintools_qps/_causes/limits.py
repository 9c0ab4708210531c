"""The limits of all causes. Networks of docs/results/casebook.json learned on the good side."""

from __future__ import annotations

MAJORITY = 0.5  # share of samples without a spike, or of neurons that always fire
FAR_BELOW = 0.45  # gap to the threshold; silent layers woke up in training at 0.40, not at 0.50
HIGH_SLOPE = 0.1  # the mean slope that `normalize_surrogate` comes down to
TOO_HIGH = 0.2  # a mean slope from which on recurrent and long networks train worse
OUT_OF_REACH = 0.95  # share of flat neuron-steps
FLIPPED = -0.2  # mean cosine; random recurrence without a leak was seen down to -0.18
FAR = 1e5  # growth of the gradient over all steps; 3,000 did no harm
CHAOTIC = 1e12  # growth over all steps whatever the direction
UNSTEADY = 0.5  # mean cosine below which a growth by FAR is chaotic
NEGATIVE = 0.5  # a negative derivative, relative to the peak; with 0.27 a network learned
KEPT = 0.1  # share of the signals: with as few, a network lost 21 points
UNMOVED = 0.9  # share of the parameters without gradient
VANISHED = 1e-8  # gradient of the first population, relative to the last: Adam's epsilon
