"""The PyTorch side of `decoder_head.py`: ML-Decoder's full head, written with torch.nn's layers.

Each question is the file of an npz with weights, features and labels; the answer comes when all
gradients are there: the loss and the norm of the gradients, by which both sides are compared.
"""

import numpy as np
import torch
from peer import serve
from torch import nn

EPSILON = 1e-8


class Head(nn.Module):
    """One block of a decoder without self-attention, and one output vector a query."""

    def __init__(self, weights: dict[str, torch.Tensor], heads: int):
        super().__init__()
        dim = weights["query"].shape[1]
        self.embed, self.inner, self.outer = map(
            lambda name: _linear(weights, name), ("embed_features", "inner", "outer")
        )
        self.attention = nn.MultiheadAttention(dim, heads, batch_first=True)
        queries, keys_values = (
            _linear(weights, name) for name in ("attention_query", "attention_key_value")
        )
        self.attention.in_proj_weight.data = torch.cat([queries.weight, keys_values.weight]).data
        self.attention.in_proj_bias.data = torch.cat([queries.bias, keys_values.bias]).data
        self.attention.out_proj = _linear(weights, "attention_output")
        self.norms = nn.ModuleList(nn.LayerNorm(dim, eps=1e-5) for _ in range(3))
        self.query = nn.Parameter(weights["query"])
        self.kernel = nn.Parameter(weights["kernel"][..., 0])
        self.bias = nn.Parameter(weights["bias"])

    def forward(self, features):
        memory = torch.relu(self.embed(features))
        queries = self.norms[0](self.query.unsqueeze(0).expand(len(features), -1, -1) * 2)
        attended, _ = self.attention(queries, memory, memory, need_weights=False)
        tokens = self.norms[1](queries + attended)
        tokens = self.norms[2](tokens + self.outer(torch.relu(self.inner(tokens))))
        return torch.einsum("bkd,kd->bk", tokens, self.kernel) + self.bias


def _linear(weights, name):
    kernel, bias = weights[f"{name}/kernel"], weights[f"{name}/bias"]
    layer = nn.Linear(*kernel.shape)
    layer.weight.data, layer.bias.data = kernel.T.contiguous(), bias
    return layer


def asymmetric_loss(labels, logits):
    """Ben-Baruch et al. 2021, gamma 4 and 0, clip 0.05, as kclip has it."""
    positive = torch.sigmoid(logits)
    negative = (torch.sigmoid(-logits) + 0.05).clamp(max=1.0)
    weight = ((1 - negative) ** 4).detach()
    costs = -labels * torch.log(positive.clamp(min=EPSILON))
    return (costs - (1 - labels) * weight * torch.log(negative.clamp(min=EPSILON))).sum()


class Steps:
    """One head a file; each call is a forward and a backward pass."""

    def __init__(self):
        self.heads = {}

    def __call__(self, file: str) -> list[float]:
        if file not in self.heads:
            arrays = {name: torch.from_numpy(array) for name, array in np.load(file).items()}
            self.heads[file] = Head(arrays, int(arrays["heads"])), arrays
        head, arrays = self.heads[file]
        head.zero_grad(set_to_none=True)
        loss = asymmetric_loss(arrays["labels"].float(), head(arrays["features"]))
        loss.backward()
        gradients = [parameter.grad for parameter in head.parameters()]
        norm = torch.sqrt(sum((gradient**2).sum() for gradient in gradients))
        return [float(loss), float(norm)]


if __name__ == "__main__":
    serve(Steps(), ("torch",))
