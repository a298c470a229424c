import pytest

from kclip.errors import UserError
from kclip.models.pretrained.timm_siglip import timm_siglip


@pytest.mark.parametrize(
    ("name", "heads", "activation"),
    [
        ("vit_base_patch16_siglip_224", 12, "gelu"),
        ("vit_base_patch32_siglip_256", 12, "gelu_tanh"),
        ("vit_large_patch16_siglip_384", 16, "gelu"),
        ("vit_so400m_patch14_siglip_384", 16, "gelu"),
        ("vit_so400m_patch16_siglip_256", 16, "gelu_tanh"),
        ("vit_giantopt_patch16_siglip_256", 16, "gelu_tanh"),
    ],
)
def test_heads_and_activation_of_timms_names(name, heads, activation):
    assert timm_siglip(name) == {"num_heads": heads, "activation": activation}


@pytest.mark.parametrize("name", ["vit_base_patch16_siglip_gap_224", "convnext_base", "vit_x"])
def test_other_towers_are_refused(name):
    with pytest.raises(UserError, match=f"timm's '{name}'; kclip knows SigLIP's"):
        timm_siglip(name)
