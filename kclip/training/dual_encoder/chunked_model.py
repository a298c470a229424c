import keras
from keras import ops

from kclip.models.dual_encoder.contrastive_model import ContrastiveModel


class ChunkedModel(ContrastiveModel, keras.Model):
    """Trains a dual encoder on batches whose activations would not fit into memory.

    Cached contrastive accumulation (Gao et al. 2021, "Scaling Deep Contrastive Learning Batch
    Size under Memory Limited Setup", Section 3.2): the batch is encoded chunk by chunk without
    keeping activations, the loss is that of all embeddings, and for its gradient each chunk is
    encoded once more, with the same dropout. So the negatives and the gradient are those of the
    whole batch, and the price is one more forward pass. All this is inside of `call`, so Keras'
    own training step, loss scaling included, trains it on TensorFlow and on JAX.

    Measuring goes chunk by chunk, too, so that validation takes no more memory than training.

    Batch normalisation that is trained normalises each chunk by itself, as data-parallel
    training does; its moving averages take one step a batch, by the mean over the chunks. Layers
    that are called once more sample the same random numbers, each chunk its own.

    Args:
        model: `DualEncoder` or `CachedDualEncoder`, whose weights it shares.
        chunk_size: int, pairs encoded at a time.

    Inputs and outputs: the model's.

    Raises:
        ValueError: in training, `chunk_size` does not divide the batch.

    Example:
    >>> model, _, _ = kclip.load("runs/demo/model")
    >>> chunked = ChunkedModel(model, chunk_size=64)
    >>> chunked.compile(keras.optimizers.AdamW(1e-4), loss=ContrastiveLoss())
    """

    def __init__(self, model, chunk_size, **kwargs):
        super().__init__(**kwargs)
        self.model = model
        self.chunk_size = chunk_size
        self.built = True

    @property
    def logit_scale(self):
        """The model's `LogitScale`."""
        return self.model.logit_scale

    def call(self, inputs, training=False):
        if not training:
            return self._measured(inputs)
        chunks = _Chunks(inputs, self.chunk_size)
        encoder = _Encoder(self.model, chunks)
        values = _values(self.model.trainable_variables)
        # The first pass knows no gradient, on either side; the second passes it on.
        embeddings, state = encoder.encode([ops.stop_gradient(value) for value in values])
        embeddings = ops.stop_gradient(embeddings)
        for variable, value in zip(self.model.non_trainable_variables, state, strict=True):
            variable.assign(value)
        embeddings = ops.custom_gradient(encoder.with_gradient)(embeddings, *values)
        return dict(zip(encoder.sides, ops.split(embeddings, 2, axis=-1), strict=True))

    def _measured(self, inputs):
        """The same without training, chunk by chunk: a batch of any size, its last chunk filled."""
        rows = ops.shape(next(iter(inputs.values())))[0]
        missing = -rows % self.chunk_size
        filled = {
            name: ops.concatenate([x, ops.repeat(x[:1], missing, axis=0)])
            for name, x in inputs.items()
        }
        chunks = _Chunks(filled, self.chunk_size)
        sides, widths = list(self.model.output), [x.shape[-1] for x in self.model.output.values()]

        def add_chunk(number, embeddings):
            chunk = {name: chunks.of(x, number) for name, x in filled.items()}
            outputs = self.model(chunk, training=False)
            joined = ops.concatenate([outputs[side] for side in sides], axis=-1)
            return chunks.write(embeddings, number, joined)

        nothing = ops.zeros((chunks.rows, sum(widths)), dtype="float32")
        embeddings = _one_by_one(chunks.count, add_chunk, nothing)[:rows]
        return dict(zip(sides, ops.split(embeddings, 2, axis=-1), strict=True))


class _Chunks:
    """The parts of a batch: a dict of tensors (B, ...)."""

    def __init__(self, inputs, size):
        self.inputs = inputs
        self.size = size
        rows = ops.shape(next(iter(inputs.values())))[0]
        if isinstance(rows, int) and rows % size:
            raise ValueError(f"a batch of {rows} is not made of chunks of {size}")
        self.rows = rows
        self.count = rows // size

    def of(self, array, number):
        start = [number * self.size, *[0] * (len(array.shape) - 1)]
        return ops.slice(array, start, [self.size, *array.shape[1:]])

    def write(self, array, number, chunk):
        return ops.slice_update(array, [number * self.size, 0], chunk)


class _Encoder:
    """A model as a function of its weights' values, over the chunks of one batch.

    Both embeddings stand side by side in one tensor (B, 2 D), for `custom_gradient` passes on
    the gradients of several tensors differently from backend to backend.
    """

    def __init__(self, model, chunks):
        self.model = model
        self.chunks = chunks
        self.sides = list(model.output)
        self.width = sum(output.shape[-1] for output in model.output.values())
        self.state = _values(model.non_trainable_variables)

    def encode(self, values):
        """The embeddings of the batch, and what becomes of the variables that are not trained."""

        def add_chunk(number, sums):
            embeddings, state = sums
            chunk, new = self._encode_chunk(values, number)
            parts = zip(state, new, self._offsets(number), strict=True)
            state = [
                total + part / self.chunks.count if offset is None else part - offset
                for total, part, offset in parts
            ]
            return self.chunks.write(embeddings, number, chunk), state

        nothing = ops.zeros((self.chunks.rows, self.width), dtype="float32")
        start = [ops.zeros_like(value) for value in self.state]
        return _one_by_one(self.chunks.count, add_chunk, (nothing, start))

    def with_gradient(self, embeddings, *values):
        """The embeddings as they are, and a gradient that encodes the chunks once more."""

        def gradient(*args, upstream=None):
            upstream = args[0] if upstream is None else upstream

            def add_chunk(number, totals):
                of_chunk = _vector_jacobian_product(
                    lambda values: self._encode_chunk(values, number)[0],
                    list(values),
                    self.chunks.of(upstream, number),
                )
                return [total + part for total, part in zip(totals, of_chunk, strict=True)]

            start = [ops.zeros_like(value) for value in values]
            totals = _one_by_one(self.chunks.count, add_chunk, start)
            return ops.zeros_like(embeddings), *totals

        return ops.copy(embeddings), gradient

    def _encode_chunk(self, values, number):
        inputs = {name: self.chunks.of(x, number) for name, x in self.chunks.inputs.items()}
        state = [
            value if offset is None else value + offset
            for value, offset in zip(self.state, self._offsets(number), strict=True)
        ]
        outputs, state = self.model.stateless_call(values, state, inputs, training=True)
        return ops.concatenate([outputs[side] for side in self.sides], axis=-1), state

    def _offsets(self, number):
        """What makes each random generator's seed the chunk's own; None for other variables."""
        return [
            ops.cast(ops.stack([number, 0]), value.dtype) if _is_seed(value) else None
            for value in self.state
        ]


def _values(variables):
    """What variables hold now: the second pass must not see what the first one assigns."""
    return [ops.copy(variable.value) for variable in variables]


def _is_seed(value):
    """The state of a `keras.random.SeedGenerator` is a seed and a counter; all else is floats."""
    return "int" in keras.backend.standardize_dtype(value.dtype)


def _one_by_one(count, add_chunk, start):
    """`ops.fori_loop`, which on TensorFlow runs ten steps at a time, each with its activations."""
    if keras.backend.backend() == "jax":
        return ops.fori_loop(0, count, add_chunk, start)
    import tensorflow as tf

    return tf.while_loop(
        lambda number, sums: number < count,
        lambda number, sums: (number + 1, add_chunk(number, sums)),
        (0, start),
        parallel_iterations=1,
    )[1]


def _vector_jacobian_product(function, values, upstream):
    """Gradients of `sum(function(values) * upstream)`; Keras has no name for it."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.vjp(function, values)[1](upstream)[0]
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(values)
        outputs = function(values)
    of_values = tape.gradient(
        outputs, values, output_gradients=upstream, unconnected_gradients="zero"
    )
    return [tf.convert_to_tensor(gradient) for gradient in of_values]
