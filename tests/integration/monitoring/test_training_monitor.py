"""Networks that are measured while they train, by hand and by braintools' Trainer."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import brainpy
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from braintools.optim import Adam
from braintools.trainer import DataLoader, LightningModule, Trainer

from braintools_qps import (
    QPseudoSpike,
    SurrogateSchedule,
    TrainingMonitor,
    gradient_flow,
    set_surrogate,
)

STEPS, BATCH, FEATURES, HIDDEN = 8, 3, 5, 6


@pytest.fixture(autouse=True)
def _environment():
    with brainstate.environ.context(dt=1.0 * u.ms), brainstate.random.seed_context(1):
        yield


class Network(brainstate.nn.Module):
    def __init__(self, threshold=1.0):
        super().__init__()
        self.inward = brainstate.nn.Linear(FEATURES, HIDDEN, b_init=None)
        self.lif = brainpy.state.LIF(
            HIDDEN, tau=5 * u.ms, V_th=threshold * u.mV, spk_fun=QPseudoSpike()
        )
        self.outward = brainstate.nn.Linear(HIDDEN, 2)

    def update(self, x):
        return self.outward(self.lif(20.0 * self.inward(x) * u.mA))


def batch():
    return jnp.asarray(np.random.default_rng(0).random((STEPS, BATCH, FEATURES)), jnp.float32)


def trained(network, rate=0.1):
    """A compiled training step, which makes the states anew inside as most people's does."""
    parameters = network.states(brainstate.ParamState)

    def loss(inputs):
        brainstate.nn.init_all_states(network, BATCH)
        outputs = brainstate.transform.for_loop(network, inputs)
        return jnp.mean((outputs.mean(axis=0) - 1.0) ** 2)

    @brainstate.transform.jit
    def step(inputs):
        gradients = brainstate.transform.grad(loss, parameters)(inputs)
        for name, gradient in gradients.items():
            parameters[name].value = jax.tree.map(
                lambda w, g: w - rate * g, parameters[name].value, gradient
            )

    return step


def test_a_loop_of_ones_own_is_measured_and_not_disturbed():
    watched, alone = Network(), Network()
    for mine, other in zip(watched.states().values(), alone.states().values()):
        other.value = mine.value
    log, inputs = {}, batch()
    monitor = TrainingMonitor(watched, inputs, every=3, log=log)
    step, unwatched = trained(watched), trained(alone)
    measured = []
    for _ in range(5):
        key = brainstate.random.get_key_data()
        measured.append(monitor())
        np.testing.assert_array_equal(brainstate.random.get_key_data(), key)
        step(inputs)
        unwatched(inputs)
    assert [flow is not None for flow in measured] == [True, False, False, True, False]
    assert log["step"] == list(monitor.history) == [0, 3]
    assert log["flow/lif/firing_rate"][0] == measured[0].populations[0].activity.firing_rate
    assert log["flow/growth"][0] != log["flow/growth"][1]
    for mine, other in zip(
        watched.states(brainstate.ParamState).values(), alone.states(brainstate.ParamState).values()
    ):
        jax.tree.map(np.testing.assert_array_equal, mine.value, other.value)


@pytest.fixture
def compilations():
    """A list that grows whenever XLA compiles."""
    compiled = []

    def listen(event, duration, **_):
        if event.endswith("backend_compile_duration"):
            compiled.append(duration)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield compiled
    jax.monitoring.unregister_event_duration_listener(listen)


def test_only_the_first_measurement_compiles(compilations):
    network, inputs = Network(), batch()
    monitor, step = TrainingMonitor(network, inputs), trained(network)
    monitor()
    step(inputs)
    before = len(compilations)
    for _ in range(2):
        monitor()
        step(inputs)
    assert before > 0
    assert len(compilations) == before


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:at step 0. .* is saturated")
def test_states_under_vmap_are_measured_from_their_initial_values(compilations):
    lif, inputs = brainpy.state.LIF(FEATURES, spk_fun=QPseudoSpike()), 20.0 * batch() * u.mA
    brainstate.nn.vmap_init_all_states(lif, axis_size=BATCH, state_tag="mapped")
    model = brainstate.nn.Vmap(lif, vmap_states="mapped")
    expected = gradient_flow(model, inputs)["model"]
    monitor = TrainingMonitor(model, inputs)
    first = monitor()
    model(inputs[0])  # leaves its states behind
    before = len(compilations)
    second = monitor()
    assert len(compilations) == before
    for flow in (first, second):
        assert flow.populations == expected.populations


@pytest.mark.thorough
def test_a_schedule_is_seen_by_the_monitor():
    network = Network()
    schedule = SurrogateSchedule("QPseudoSpike", dampening=lambda step: 1.0 + step)
    set_surrogate(network, schedule.surrogate)
    monitor = TrainingMonitor(network, batch())
    gradients = []
    for step in range(2):
        schedule(step)
        gradients.append(monitor(step).populations[0].gradient.second_moments[0])
    assert gradients[1] == pytest.approx(4 * gradients[0], rel=1e-5)


def test_a_detached_reset_is_seen():
    network, inputs = Network(0.1), batch()
    monitor = TrainingMonitor(network, inputs)
    growth = [monitor().populations[0].gradient.growth]
    for detach in (True, False):
        set_surrogate(network, network.lif.spk_fun, detach_reset=detach)
        (fresh,) = gradient_flow(network, inputs).values()
        growth.append(monitor().populations[0].gradient.growth)
        assert growth[-1] == pytest.approx(fresh.populations[0].gradient.growth)
    assert growth[0] == growth[2] != growth[1]


def test_retrace_reads_a_changed_derivative_rule():
    """Nothing else of the program differs: the rule is a function, of which a text shows none."""

    class Ruled(Network):
        factor = 1.0

        def update(self, x):
            passed = jax.custom_jvp(lambda z: z)
            passed.defjvp(lambda z, tangent: (z[0], self.factor * tangent[0]))
            return self.outward(passed(self.lif(20.0 * self.inward(x) * u.mA)))

    network = Ruled()
    monitor = TrainingMonitor(network, batch())
    moments = [monitor().populations[0].gradient.second_moments]
    network.factor = 10.0
    monitor.retrace()
    moments.append(monitor().populations[0].gradient.second_moments)
    np.testing.assert_allclose(moments[1], 100 * np.asarray(moments[0]), rtol=1e-5)


def test_a_layer_that_has_died_is_told_once():
    network = Network()
    monitor = TrainingMonitor(network, batch())
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        set_surrogate(network, "QPseudoSpike(dampening=0.1)")
        monitor()
        network.lif.V_th = 1e3 * u.mV
        monitor()  # its code has not been read again
        monitor.retrace()
        monitor()
        monitor()
    (warning,) = told
    flow = monitor.history[2]
    assert f"at step 2: {flow.diagnosis.text}" in str(warning.message)
    assert "lif is silent: in 100% of the samples none of its neurons fires" in str(warning.message)
    assert warning.filename == __file__


def test_a_cause_that_training_brings_about_is_told_and_one_that_was_there_is_not():
    network = Network()
    monitor = TrainingMonitor(network, batch())
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for dampening in (40.0, 40.0, 0.1, 40.0):  # too high from the start
            set_surrogate(network, QPseudoSpike(dampening=dampening))
            monitor()
    assert told == []
    assert monitor.history[0].diagnosis.cause == "too high"
    later = TrainingMonitor(network, batch())
    with pytest.warns(UserWarning, match="at step 1: The surrogate is too high in lif"):  # noqa: PT031
        for dampening in (0.1, 40.0):
            set_surrogate(network, QPseudoSpike(dampening=dampening))
            later()


@pytest.mark.parametrize("changes", [{"every": 0}, {"every": 2.5}, {"per": "minute"}])
def test_options_are_checked(changes):
    with pytest.raises((ValueError, TypeError), match=f"{next(iter(changes))} must be"):
        TrainingMonitor(Network(), batch(), **changes)


class Lightning(LightningModule):
    def __init__(self):
        super().__init__()
        self.network = Network()

    def training_step(self, batch, batch_idx):
        inputs, targets = batch
        brainstate.nn.init_all_states(self.network, inputs.shape[0])
        outputs = brainstate.transform.for_loop(self.network, jnp.swapaxes(inputs, 0, 1))
        return {"loss": jnp.mean((outputs.mean(axis=0) - targets) ** 2)}

    def configure_optimizers(self):
        return Adam(lr=0.01)


class Rows:
    """A logger of braintools, reduced to what a Trainer calls."""

    def __init__(self):
        self.rows = []

    def log_metrics(self, metrics, step=None):
        self.rows.append((step, metrics))

    def log_hyperparams(self, params):
        pass

    def finalize(self, status="success"):
        pass


@pytest.mark.thorough
@pytest.mark.parametrize(("per", "measured"), [("step", [0, 2, 4]), ("epoch", [0, 2])])
def test_the_trainer_of_braintools(per, measured):
    module, rows = Lightning(), Rows()
    schedule = SurrogateSchedule("QPseudoSpike", alpha=lambda step: 1.0 + step)
    set_surrogate(module, schedule.surrogate)
    monitor = TrainingMonitor(module.network, batch(), every=2, per=per)
    data = np.swapaxes(batch(), 0, 1), np.zeros((BATCH, 2), np.float32)
    trainer = Trainer(
        max_epochs=len(measured) * 2 - 1,
        callbacks=[schedule, monitor],
        logger=[rows],
        enable_progress_bar=False,
        enable_checkpointing=False,
    )
    trainer.fit(module, DataLoader(data, batch_size=BATCH))
    assert list(monitor.history) == measured
    assert [step for step, metrics in rows.rows if "flow/growth" in metrics] == measured
    assert schedule.states["alpha"].value == 1.0 + trainer.global_step - 1


def test_a_monitor_inside_a_compiled_function_is_refused():
    monitor = TrainingMonitor(Network(), batch())
    with pytest.raises(TypeError, match="a monitor must be called outside of compiled functions"):
        jax.jit(lambda x: (monitor(0), x)[1])(1.0)


def test_a_monitor_that_another_thread_is_in_is_refused():
    errors = []

    def log(numbers, step):
        with ThreadPoolExecutor() as pool:
            errors.append(pool.submit(monitor, 1).exception())

    monitor = TrainingMonitor(Network(), batch(), log=log)
    monitor(0)
    assert "a monitor measures for one thread at a time" in str(errors[0])
    assert repr(monitor).endswith("every=1, measured=1)")
