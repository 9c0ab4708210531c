"""Records that tables are made of.

`records` imports this room, so that a record can print itself. Nothing here imports `records` when
it runs.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..records import CandidateResult as Result
    from ..records import Comparison as Compared
    from ..records import GradientFlow as Flow
    from ..records import GradientFlows as Flows
    from ..records import GradientSensitivity as Sensitivity
    from ..records import NormalizedRate as Rate
    from ..records import NormalizedRates as Rates
    from ..records import PopulationFlow as Population
    from ..records import RelayedPopulation as RelayedOne
    from ..records import RelayedWeights as Relayed
    from ..records import SavedMemory as Saved
    from ..records import Tuning as Tuned
else:
    Result = Compared = Flow = Flows = Sensitivity = Rate = Rates = Any
    Population = RelayedOne = Relayed = Saved = Tuned = Any
