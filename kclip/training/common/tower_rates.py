"""A tower's own learning rate, and a lower one for each block below its top."""

from typing import Any

from kclip.config.towers import ImageTower, TextTower
from kclip.console.lines import LOGGER


def set_tower_rates(
    model: Any, optimizer: Any, encoder: Any, tower: ImageTower | TextTower, learning_rate: float
) -> None:
    """Gives the trained weights of a tower the learning rates that its config names.

    With a `layer_decay` F the tower's last block learns at F times the tower's learning rate, the
    one before it at F ** 2 times, and so on down to its embeddings (Clark et al. 2020, "ELECTRA",
    Appendix B; counted as in Bao et al. 2022, "BEiT", whose head alone has the whole rate). What
    follows the last block moves with it.

    Args:
        model: compiled; the encoder is a part of it.
        optimizer: its `TowerAdamW`, without a loss scale around it.
        encoder: the image or text tower.
        tower: its config.
        learning_rate: of the heads, and of a tower without its own.
    """
    if not tower.trained:
        return
    own = (tower.learning_rate or learning_rate) / learning_rate
    # Not the layers' own `trainable_variables`: adapters lie in layers that are frozen.
    trained = {id(variable) for variable in model.trainable_variables}
    factors = block_factors(len(encoder.blocks), tower.layer_decay)
    for block, factor in zip(encoder.blocks, factors, strict=True):
        variables = [v for layer in block for v in layer.variables if id(v) in trained]
        optimizer.scale_learning_rate(variables, own * factor)
    if tower.layer_decay < 1:
        LOGGER.info(
            "%s learns at %.3g in its last block, at %.3g in the first of %d",
            encoder.name,
            own * factors[-1] * learning_rate,
            own * factors[0] * learning_rate,
            len(factors),
        )


def block_factors(num_blocks: int, layer_decay: float) -> list[float]:
    """What each block's learning rate is of the tower's, from the embeddings on.

    Example:
        >>> block_factors(3, 0.5)
        [0.125, 0.25, 0.5]
    """
    return [layer_decay ** (num_blocks - number) for number in range(num_blocks)]
