"""What gradient_flow says is true: faults that are known by construction, and remedies as typed."""

import re

import brainstate
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flow_networks import only
from small_stacks import BATCH, LOW, STEPS, Layer, N, Stack, Triangle, inputs

from braintools_qps import QPseudoSpike, gradient_flow
from braintools_qps.records import CAUSES


class Changed(Layer):
    """A layer whose current is computed in another way."""

    def __init__(self, weight, change, spike=LOW):
        super().__init__(weight, spike)
        self.change = change

    def update(self, x):
        self.V.value = self.leak * self.V.value + self.change(x, self.weights.value)
        return self.spk_fun(self.V.value - 1)


def stopped(x, w):
    return jax.lax.stop_gradient(x) @ w


def rounded(x, w):
    return jnp.round(4 * (x @ w)) / 4


def signed(x, w):
    return x @ (jnp.sign(w) * 0.3)


def diagnosed(model, x=None, **options):
    return only(gradient_flow(model, inputs() if x is None else x, **options)).diagnosis


@pytest.mark.parametrize(
    ("change", "population", "said"),
    [
        (stopped, "layers.0", "No gradient reaches layers.0: stop_gradient on the way"),
        (rounded, "layers.1", "No gradient reaches layers.1, nor layers.0 before it: round on"),
        (signed, "layers.1", "layers.1.weights gets no gradient, so it is not trained: sign on"),
    ],
)
def test_what_stops_a_gradient_is_named(change, population, said):
    model = Stack(Layer(1.0), Changed(1.0, change))
    if change is rounded:
        model = Stack(Layer(1.0), Layer(1.0), Changed(1.0, lambda x, w: jnp.round(4 * x) @ w / 4))
    found = diagnosed(model)
    assert (found.cause, found.population) == ("no gradient", population)
    assert found.text.startswith(said)
    assert "Take away the" in found.remedy


def test_what_follows_from_a_stopped_gradient_is_not_given_another_reason():
    """Nearly all parameters lie behind the rounding."""
    flow = only(gradient_flow(Stack(Changed(1.0, lambda x, w: jnp.round(4 * (x @ w)))), inputs()))
    assert flow.diagnosis.text.startswith("layers.0.weights gets no gradient, so it is not trained")
    assert flow.zero_parameter_share > 0.5
    assert not any("no signal passes them" in sentence for sentence in flow.further)


def test_a_population_whose_spikes_are_left_out_is_disconnected():
    class Aside(Layer):
        def update(self, x):
            super().update(x)
            return x

    found = diagnosed(Stack(Layer(1.0), Aside(1.0)))
    assert (found.cause, found.population) == ("disconnected", "layers.1")


def test_a_readout_that_begins_at_zero_is_a_note():
    model = Stack(Layer(1.0), Layer(1.0))
    expected = only(gradient_flow(model, inputs())).diagnosis.cause
    model.out.value = 0 * model.out.value
    flow = only(gradient_flow(model, inputs()))
    assert flow.diagnosis.cause == expected == "none"
    assert any(line.startswith("out is all 0 at the start") for line in flow.further)
    assert all(np.any(p.gradient.second_moments) for p in flow.populations)


def test_a_readout_of_weights_and_biases_at_zero_is_named_once():
    class Linear(Stack):
        def __init__(self):
            super().__init__(Layer(1.0))
            self.read = brainstate.nn.Linear(N, 2, w_init=lambda shape, **_: jnp.zeros(shape))

        def update(self, x):
            return self.read(self.layers[0](x))

    flow = only(gradient_flow(Linear(), inputs()))
    assert any(line.startswith("read.weight is all 0 at the start") for line in flow.further)


def test_a_population_that_hardly_fires_is_not_said_to_be_in_range():
    flow = only(gradient_flow(Stack(Layer(1.0), Layer(0.15)), inputs()))
    assert flow.diagnosis.cause == "none"
    assert flow.populations[1].activity.is_silent
    assert "per step) are still low in layers.1; labels" in flow.diagnosis.text


def test_a_population_that_signals_pass_by_is_not_said_to_be_near_the_threshold():
    class Residual(Stack):
        def update(self, x):
            first, second = self.layers
            x = first(x)
            return (x + second(x)) @ self.out.value

    flow = only(gradient_flow(Residual(Layer(1.0), Layer(0.001)), inputs()))
    assert flow.diagnosis.cause == "none"
    assert flow.populations[1].activity.gap > 0.9
    assert any("layers.1 hardly fires and stays far below" in line for line in flow.further)
    assert not any("come near the threshold" in line for line in flow.further)


def test_hints_are_lines_that_run_as_they_are_printed():
    x, model = inputs(), Stack(Layer(1.0), Layer(0.15, QPseudoSpike(alpha=8.0)))
    further = " ".join(only(gradient_flow(model, x)).further)
    lines = re.findall(r"from braintools_qps import [^;]*; \w+\(.*?\)(?=\.| saves)", further)
    assert len(lines) == 2
    for line in lines:
        exec(line, {"model": model, "inputs": x})
    further = " ".join(only(gradient_flow(model, x)).further)
    assert "from braintools_qps import" not in further


class TwoOutputs(Stack):
    def update(self, x):
        return {"spikes": super().update(x), "input": x}


def test_an_objective_that_reads_another_output():
    found = diagnosed(TwoOutputs(Layer(1.0)), objective=lambda outputs: outputs["input"].sum())
    assert (found.cause, found.population) == ("no gradient", "layers.0")
    assert "the objective reads none of the outputs that depend on it" in found.text


@pytest.mark.parametrize(
    ("objective", "said"),
    [
        (lambda x: jnp.log(x.sum() * 0 - 1), "The objective is nan"),
        (lambda x: jnp.sqrt(x.sum() * 0), "The derivative of the objective is NaN or infinite"),
    ],
)
def test_an_objective_that_is_not_finite(objective, said):
    found = diagnosed(Stack(Layer(1.0)), objective=objective)
    assert found.cause == "not finite"
    assert found.text.startswith(said)


def test_a_parameter_whose_gradient_alone_is_nan():
    root = lambda x, w: x @ (jnp.eye(N) + jnp.sqrt(w))
    found = diagnosed(Stack(Changed(0.0, root)))
    assert found.cause == "not finite"
    assert found.text.startswith("The gradient of layers.0.weights is NaN or infinite in")


def test_inputs_that_are_nan_with_their_place():
    found = diagnosed(Stack(Layer(1.0)), inputs().at[3, 1, 5].set(jnp.nan))
    assert found.cause == "not finite"
    assert "because the inputs hold NaN or infinity: 1 value, at" in found.text
    assert "step 3, sample 1, feature 5" in found.text


def test_a_division_by_zero_before_the_nan_of_the_inputs_is_blamed():
    divided = lambda x, w: (x / x[:, :1]) @ w
    x = inputs().at[2, 0, 0].set(0.0).at[9, 2, 3].set(jnp.nan)
    found = diagnosed(Stack(Changed(1.0, divided)), x)
    assert "at step 2, and so is everything after it" in found.text
    assert "Look in its update for a division by 0" in found.remedy


def test_an_overflow_in_half_precision_names_the_dtype():
    class Half(Layer):
        def __init__(self):
            super().__init__(1.0)
            self.V.value = self.V.value.astype(jnp.float16)

        def update(self, x):
            self.V.value = (x * 7e4).astype(jnp.float16)
            return self.spk_fun(self.V.value - 1).astype(jnp.float32)

    found = diagnosed(Stack(Half()))
    assert found.cause == "not finite"
    assert "float16, whose largest number is 6.55e+04" in found.remedy


class Branches(brainstate.nn.Module):
    """Two layers side by side, each with its own readout."""

    def __init__(self, a, b):
        super().__init__()
        self.a, self.b = a, b
        self.out, self.out2 = (brainstate.ParamState(jnp.ones((N, 2))) for _ in range(2))

    def update(self, x):
        return self.a(x) @ self.out.value + self.b(x) @ self.out2.value


def test_a_branch_beside_a_silent_one_is_not_behind_it():
    flow = only(gradient_flow(Branches(Layer(0.01), Layer(1.0, Triangle())), inputs()))
    assert (flow.diagnosis.cause, flow.diagnosis.population) == ("silent", "a")
    assert "b" not in flow.diagnosis.text.replace("a is silent", "").split()
    assert any(line.startswith("The surrogate gradient of b is negative") for line in flow.further)


def test_a_surrogate_that_is_zero_where_the_objective_reads():
    """Rectangles, and blank steps at the end: the leak of 0.2 brings membranes back to 0."""
    window = QPseudoSpike(np.inf, scale=0.004, dampening=0.02)
    shown = inputs() * (jnp.arange(STEPS) < 8)[:, None, None]
    found = diagnosed(Stack(Layer(2.0, window, leak=0.2)), shown)
    assert (found.cause, found.population) == ("no gradient", "layers.0")
    assert "in the steps that the objective reads, by default the last" in found.text


def runs_as_printed(model, x, **options):
    """Type the line that gradient_flow prints; the flow after it."""
    found = diagnosed(model, x, **options)
    assert found.code in found.remedy
    scope = {"model": model, "inputs": x}
    exec(found.code, scope)
    return found, only(gradient_flow(model, scope["inputs"], **options)).diagnosis


def mixed(weight, seed=0):
    """A layer with weights of both signs."""
    layer = Layer(1.0)
    layer.weights.value = weight * jax.random.normal(jax.random.key(seed), (N, N))
    return layer


def recurrent():
    """A fat tail and strong recurrent weights: the gradient doubles with each step back."""

    class Recurrent(Layer):
        def __init__(self):
            super().__init__(1.0, QPseudoSpike(0.5))
            self.back = brainstate.ParamState(2.5 * jax.random.normal(jax.random.key(1), (N, N)))

        def update(self, x):
            before = self.spk_fun(self.V.value - 1)
            self.V.value = 0.5 * self.V.value - before + x @ self.weights.value
            self.V.value += before @ self.back.value
            return self.spk_fun(self.V.value - 1)

    return Stack(Recurrent())


FIXED = {
    "silent": lambda: Stack(Layer(1.0), mixed(0.03), mixed(1.0)),
    "saturated": lambda: Stack(Layer(40.0), mixed(1.0)),
    "negative derivative": lambda: Stack(Layer(1.0), Layer(1.0, Triangle())),
    "out of reach": lambda: Stack(
        Layer(1.0), Layer(1.3, QPseudoSpike(np.inf, scale=0.02, dampening=0.02))
    ),
    "too high": recurrent,
    "dropout": lambda: Stack(Layer(1.0), brainstate.nn.Dropout(0.05), Layer(1.0)),
}


@pytest.mark.parametrize("cause", FIXED)
def test_the_line_that_is_printed_removes_the_cause_when_it_is_run(cause):
    steps = 60 if cause == "too high" else STEPS
    before, after = runs_as_printed(FIXED[cause](), inputs(steps))
    assert (before.cause, after.cause) == (cause, "none")


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (0 * inputs(), "All inputs are 0."),
        (jnp.broadcast_to(inputs()[:, :1], (STEPS, BATCH, N)), "All 3 samples are the same."),
        (jnp.zeros((STEPS, BATCH, N)).at[4, 0].set(1.0), "67% of the samples have no input spike"),
    ],
)
def test_inputs_that_say_nothing(x, said):
    found = diagnosed(Stack(Layer(1.0)), x)
    assert (found.cause, found.population) == ("inputs", None)
    assert found.text.startswith(said)


@pytest.mark.parametrize("factor", [255, 1e-3])
def test_inputs_of_another_range_are_divided_by_it(factor):
    x = inputs() * factor
    before, after = runs_as_printed(Stack(mixed(1.0), mixed(2.0)), x)
    assert (before.cause, after.cause) == ("inputs", "none")
    assert float(before.code.split("/ ")[1]) == pytest.approx(float(x.max()), rel=0.01)


def test_a_delay_that_is_longer_than_the_run():
    class Delayed(brainstate.nn.Module):
        def __init__(self, steps):
            super().__init__()
            self.buffer = brainstate.HiddenState(jnp.zeros((steps, BATCH, N)))

        def update(self, x):
            out = self.buffer.value[0]
            self.buffer.value = jnp.concatenate([self.buffer.value[1:], x[None]])
            return out

    late = lambda steps: Stack(Layer(1.0), Delayed(steps), Layer(1.0))
    found = diagnosed(late(2 * STEPS))
    assert (found.cause, found.population) == ("delay", "layers.2")
    assert diagnosed(late(3)).cause == "none"


def test_weights_that_are_no_parameters():
    class Plain(Layer):
        def __init__(self):
            super().__init__(1.0)
            self.weights = brainstate.ShortTermState(self.weights.value)

    found = diagnosed(Plain())
    assert (found.cause, found.population) == ("no gradient", None)
    assert "no brainstate.ParamState" in found.text


def test_a_factor_out_of_reach_is_said_with_the_usual_reasons():
    """A threshold of 1 where currents are in the millionths: 2**20 is not tried."""
    found = diagnosed(Stack(Layer(1e-6), Layer(1.0)))
    assert (found.cause, found.code) == ("silent", None)
    assert found.remedy.startswith("It would take ")
    assert "look at the unit of its current and of its threshold" in found.remedy


def test_a_high_slope_in_a_feed_forward_network_is_a_hint():
    flow = only(gradient_flow(Stack(Layer(1.0, QPseudoSpike(2.0))), inputs()))
    assert flow.diagnosis.cause == "none"
    assert flow.further[0].startswith("The mean slope of layers.0 is 0.")


@pytest.mark.parametrize("weight", [0.03, 0.35, 1.0])
def test_the_number_of_samples_does_not_decide(weight):
    class Sized(Layer):
        def __init__(self, batch):
            super().__init__(weight)
            self.V.value = jnp.zeros((batch, N))

    drawn = jax.random.uniform(jax.random.key(3), (STEPS, 512, N))
    causes = {diagnosed(Stack(Sized(n)), drawn[:, :n]).cause for n in (8, 64, 512)}
    assert len(causes) == 1


def test_the_title_has_all_counts():
    assert "GradientFlow of model: 20 steps, 3 samples, 8 features" in repr(
        gradient_flow(Stack(Layer(1.0)), inputs())
    )


def test_every_cause_is_a_row_with_its_rule_and_a_remedy():
    for name, cause in CAUSES.items():
        assert cause.name == name
        assert cause.rule
        assert cause.helps
