"""Where the curves of a training can go besides `history.csv`."""

from typing import Literal

LoggerName = Literal["tensorboard", "wandb", "mlflow"]
