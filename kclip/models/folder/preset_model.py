import keras
import keras_hub

from kclip.models.folder.checks import check_model_folder, load_preset


class PresetModel(keras_hub.models.Backbone):
    """A backbone that a model folder holds, made of towers that are models themselves.

    Subclass it, and name the towers: arguments of the constructor that the config keeps as
    configs.
    """

    towers = ("image_encoder",)

    @classmethod
    def from_config(cls, config):
        config = config.copy()
        if config.get("trainable"):
            del config["trainable"]  # on JAX, Keras would hand it down to towers that are frozen
        for name in cls.towers:
            if isinstance(config[name], dict):
                config[name] = _build_tower(config[name], config.get("dtype"))
        return super().from_config(config)

    @classmethod
    def from_preset(cls, preset, load_weights=True, **kwargs):
        """Loads a model folder.

        Args:
            preset: string or Path. A folder written by `save_to_preset`.
            load_weights: bool. False leaves the weights random.
            **kwargs: changes to the config, such as `dtype="float32"`.

        Raises:
            UserError: the folder is missing, holds another kind of model, names a class that a
                kclip model has no use for, or its weights do not fit its config.
        """
        preset = str(preset)  # KerasHub takes no Path
        check_model_folder(preset, keras.saving.get_registered_name(cls))
        load = super().from_preset
        return load_preset(
            preset, lambda: load(preset, load_weights=load_weights, **kwargs), load_weights
        )

    def save_to_preset(self, preset_dir, **kwargs):
        """Writes a model folder, without the state of the optimizer.

        That is two thirds of a trained model's numbers, and a run's checkpoint keeps it.

        Args:
            preset_dir: string. The folder.
            **kwargs: of `keras_hub.models.Backbone.save_to_preset`.
        """
        optimizer = getattr(self, "optimizer", None)
        self.optimizer = None
        try:
            super().save_to_preset(preset_dir, **kwargs)
        finally:
            self.optimizer = optimizer


def tower_dtype(dtype, frozen):
    """The dtype policy of a tower: the model's, but float32 for a frozen one.

    A frozen tower's features are computed once, so half precision would save nothing, and all its
    roundings would stay in them: a MobileNet in bfloat16 moves class probabilities by 0.3.

    Args:
        dtype: policy of the model, its name or config, or None.
        frozen: bool. Whether the tower is not trained.
    """
    return "float32" if frozen else dtype


def _build_tower(serialized, dtype):
    # One dtype for the whole model: a caller may load it in another than it was saved.
    config = serialized["config"]
    dtype = tower_dtype(dtype, frozen=not config.get("trainable", True))
    tower = {**serialized, "config": {**config, "dtype": dtype}}
    return keras.saving.deserialize_keras_object(tower)
