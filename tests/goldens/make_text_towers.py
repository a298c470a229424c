"""Writes hf_albert_tiny and hf_deberta_v3_tiny: random models of transformers, and their outputs.

Run it in the environment of `make peers`:

    .venv-peers/bin/python tests/goldens/make_text_towers.py
"""

from pathlib import Path

import numpy as np
import torch
from transformers import AlbertConfig, AlbertModel, DebertaV2Config, DebertaV2Model

SIZES = {
    "vocab_size": 90,
    "hidden_size": 24,
    "num_attention_heads": 3,
    "intermediate_size": 40,
    "max_position_embeddings": 32,
}


def write(name, model):
    for parameter in model.parameters():
        gain = float(parameter.ndim == 1 and bool((parameter == 1).all()))
        parameter.data = gain + 0.15 * torch.randn_like(parameter)
    folder = Path(__file__).parent / name
    model.eval().save_pretrained(folder)
    ids = torch.randint(5, 90, (3, 11))
    mask = torch.ones_like(ids)
    mask[1, 7:] = mask[2, 3:] = 0
    with torch.no_grad():
        outputs = model(input_ids=ids, attention_mask=mask)
    arrays = {"input_ids": ids, "attention_mask": mask, **outputs}
    np.savez(folder / "io.npz", **{key: value.numpy() for key, value in arrays.items()})


torch.manual_seed(0)
write(
    "hf_albert_tiny",
    AlbertModel(
        AlbertConfig(
            embedding_size=8,
            num_hidden_layers=4,
            num_hidden_groups=2,
            inner_group_num=2,
            **SIZES,
        )
    ),
)
write(
    "hf_deberta_v3_tiny",
    DebertaV2Model(
        DebertaV2Config(
            num_hidden_layers=2,
            relative_attention=True,
            pos_att_type=["p2c", "c2p"],
            share_att_key=True,
            norm_rel_ebd="layer_norm",
            position_biased_input=False,
            type_vocab_size=0,
            position_buckets=8,
            **SIZES,
        )
    ),
)
