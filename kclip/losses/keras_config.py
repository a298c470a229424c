from dataclasses import fields

import keras


class KerasConfig:
    """What Keras needs to write a frozen dataclass into a `.keras` file; mix it in.

    Fields are plain values, or objects that Keras can write.
    """

    def get_config(self):
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: keras.saving.serialize_keras_object(value) for name, value in values.items()}

    @classmethod
    def from_config(cls, config):
        deserialize = keras.saving.deserialize_keras_object
        return cls(**{name: deserialize(value) for name, value in config.items()})
