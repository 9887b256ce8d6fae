"""Which settings of a model change its numbers although its weights stay the same, and are not the defaults of its type.

Ordinary settings are the defaults of transformers for the type, with heads as wide as in the original: an encoder with ordinary settings
is identified by its weights alone, any other also by its settings.
"""

import json
from collections.abc import Mapping
from typing import Any

HEAD = 64  # dimensions of an attention head of ordinary models
WIDE = {1280: 80}  # width -> dimensions of a head
# Told by the shapes of the tensors, which the weights' hash covers
SHAPES = frozenset(
    [
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "mlp_ratio",
        "patch_size",
        "image_size",
        "num_channels",
        "tubelet_size",
        "num_frames",
        "num_register_tokens",
        "num_registers",
        "num_cls_tokens",
        "max_img_size",
        "patch_dim",
        "hidden_sizes",
        "depths",
        "num_spatial_layers",
        "num_temporal_layers",
        "qkv_bias",
        "query_bias",
        "key_bias",
        "value_bias",
        "proj_bias",
        "mlp_bias",
        "layerscale_value",
        "use_swiglu_ffn",
        "use_gated_mlp",
        "use_mean_pooling",
        "use_mask_token",
        "projection_dim",
        "num_labels",
    ]
)
# Of training, of other parts of the model, or of no effect on an encoding
ELSEWHERE = frozenset(
    [
        "mask_ratio",
        "norm_pix_loss",
        "initializer_range",
        "initializer_factor",
        "drop_path_rate",
        "attention_dropout",
        "transformers_version",
        "architectures",
        "model_type",
        "dtype",
        "torch_dtype",
        "id2label",
        "label2id",
        "problem_type",
        "return_dict",
        "chunk_size_feed_forward",
        "is_encoder_decoder",
        "apply_layernorm",
        "reshape_hidden_states",
        "use_cache",
        "encoder_stride",
        "pooler_act",
        "pooler_output_size",
        "vision_use_head",
        "num_auxiliary_layers",
        "apply_l2norm",
        "summary_idxs",
        "layer_scale_init_value",
        "video_patch_dim",
        "video_temporal_patch_size",
        "auto_map",
        "finetuning_task",
        "license",
        "tags",
        "task_specific_params",
        "torchscript",
    ]
)
BEGINNINGS = ("_", "decoder_", "pos_embed_", "output_", "out_", "stage_names")
ENDINGS = ("_dropout_prob", "_dropout", "_token_id")


def unusual(config: Any, pixels: Mapping[str, object]) -> str:
    """The settings of a config and of its pixels that are not ordinary, as JSON; nothing where all are."""
    own, preset = config.to_dict(), type(config)().to_dict()
    found = {
        name: value for name, value in own.items() if _counts(name) and value != preset.get(name)
    }
    heads = getattr(config, "num_attention_heads", None)
    if heads is None or heads * WIDE.get(config.hidden_size, HEAD) == config.hidden_size:
        found.pop("num_attention_heads", None)
    else:
        found["num_attention_heads"] = heads
    return json.dumps({**found, **pixels}, sort_keys=True, default=str) if found or pixels else ""


def _counts(name: str) -> bool:
    return (
        name not in SHAPES | ELSEWHERE
        and not name.startswith(BEGINNINGS)
        and not name.endswith(ENDINGS)
    )
