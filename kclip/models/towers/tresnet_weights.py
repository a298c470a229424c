import keras
import numpy as np

from kclip.models.pretrained.safetensors_folder import SafetensorsFolder


def load_tresnet_weights(model, folder, inplace_abn=False):
    """Fills a TResNet from the safetensors of timm or ML_Decoder; their classifier is left out.

    Args:
        model: what `kclip.models.towers.tresnet.tresnet_m` or `tresnet` returned; changed in place.
        folder: holds `model.safetensors` with timm's names ("body.layer1.0.conv1.conv.weight").
        inplace_abn: whether the weights were trained with InPlaceABN and never converted, as the
            authors' own files. Its scale is |gamma| + 1e-5. timm's published files are converted.

    Returns:
        `model`.

    Raises:
        UserError: a tensor is missing or has another shape; the files are missing or damaged.

    Example:
    >>> model = load_tresnet_weights(tresnet_m(), "tresnet_m.miil_in21k_ft_in1k")
    """
    with SafetensorsFolder(folder) as tensors:
        values = [_layer_weights(layer, tensors, inplace_abn) for layer in model.layers]
    # Only once all have been read, so that a model is never filled by half.
    for layer, weights in zip(model.layers, values, strict=True):
        layer.set_weights(weights)
    return model


def _layer_weights(layer, tensors, inplace_abn):
    name = f"body.{layer.name}"
    if isinstance(layer, keras.layers.Conv2D):
        return _convolution_weights(layer, name, tensors)
    if isinstance(layer, keras.layers.BatchNormalization):
        kinds = ("weight", "bias", "running_mean", "running_var")
        gamma, *rest = [tensors.read(f"{name}.{kind}", layer.gamma.shape) for kind in kinds]
        return [np.abs(gamma) + np.float32(1e-5) if inplace_abn else gamma, *rest]
    return []


def _convolution_weights(layer, name, tensors):
    height, width, inputs, outputs = layer.kernel.shape
    kernel = tensors.read(f"{name}.weight", (outputs, inputs, height, width))
    bias = [tensors.read(f"{name}.bias", (outputs,))] if layer.use_bias else []
    return [kernel.transpose(2, 3, 1, 0), *bias]
