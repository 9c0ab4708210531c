"""Trains."""
from __future__ import annotations
import brainstate, jax, jax.numpy as jnp, numpy as np, optax
from sklearn.datasets import load_digits

TRAINING = 1437

def digits():
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    return np.float32(data.images[order] / 16), data.target[order]

def shown(images, steps):
    flat = images.reshape(len(images), -1)
    return jnp.broadcast_to(flat, (steps, *flat.shape))

def logits(graph, params, images, present):
    model = brainstate.graph.treefy_merge(graph, params)
    brainstate.nn.init_all_states(model, batch_size=len(images))
    x = present(images)
    outputs = brainstate.transform.for_loop(model.update, x)
    return outputs.mean(axis=0)

def train(make, seeds, present, epochs=10, lr=1e-3, batch=64, prepare=None):
    images, labels = digits()
    scores = []
    step = None
    for seed in seeds:
        brainstate.random.seed(seed)
        model = make()
        if prepare is not None:
            prepare(model, present(jnp.asarray(images[:256])))
        for node in brainstate.graph.nodes(model).values():
            for n in ("V","current"):
                vars(node).pop(n, None)
        graph, params = brainstate.graph.treefy_split(model)
        tx = optax.adam(lr)
        @jax.jit
        def epoch(params, opt, order):
            def one(carry, idx):
                params, opt = carry
                def loss(p):
                    out = logits(graph, p, jnp.asarray(images)[idx], present)
                    return optax.softmax_cross_entropy_with_integer_labels(out, jnp.asarray(labels)[idx]).mean()
                value, grads = jax.value_and_grad(loss)(params)
                up, opt = tx.update(grads, opt)
                return (optax.apply_updates(params, up), opt), value
            return jax.lax.scan(one, (params, opt), order)
        test = jax.jit(lambda p: (logits(graph, p, jnp.asarray(images[TRAINING:]), present).argmax(-1) == labels[TRAINING:]).mean())
        rng = np.random.default_rng(seed)
        carry = (params, tx.init(params))
        for _ in range(epochs):
            order = rng.permutation(TRAINING)[: TRAINING // batch * batch].reshape(-1, batch)
            carry, values = epoch(*carry, order)
        scores.append(float(test(carry[0])) * 100)
    return scores
