"""Low-rank adapters (Hu et al., "LoRA", 2022, section 4.1), by the library peft, and merged before anything is saved."""

from __future__ import annotations

import copy
import warnings
from typing import Any

from sentipress.transformer.attention import Encoder

ADAPTED = ("query", "key", "value", "mix", "wide", "narrow")  # every linear layer but the head, which learns as a whole
SCALE = 2  # alpha over rank: what the method's authors and most users take


def with_adapters(model: Encoder, rank: int) -> Encoder:
    """The network with adapters of `rank` columns beside its linear layers, in place; all else but the head is frozen."""
    from peft import LoraConfig, inject_adapter_in_model

    config = LoraConfig(r=rank, lora_alpha=SCALE * rank, lora_dropout=0.0, target_modules=list(ADAPTED))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inject_adapter_in_model(config, model)
    for name, value in model.named_parameters():
        value.requires_grad = "lora_" in name or name.startswith("head.")
    return model


def trained_parameters(model: Encoder) -> int:
    """Weights that training may move."""
    return sum(value.numel() for value in model.parameters() if value.requires_grad)


def merged(model: Encoder) -> Encoder:
    """A plain network that computes the same: each adapter's product is added to the weights beside it."""
    from peft.tuners.lora import LoraLayer

    joined = copy.deepcopy(model)
    plain = Encoder(model.spec)
    weights: dict[str, Any] = {}
    for module in joined.modules():
        if isinstance(module, LoraLayer):
            module.merge()
    for name, value in joined.state_dict().items():
        if "lora_" not in name:
            weights[name.replace(".base_layer", "")] = value
    plain.load_state_dict(weights)
    return plain.eval()
