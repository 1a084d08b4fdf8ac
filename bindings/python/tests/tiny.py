"""Tiny models of diffusers with random weights, and what they are called with: [uncond, cond] rows."""
import torch
from diffusers import (CogVideoXTransformer3DModel, FluxTransformer2DModel, HunyuanVideoTransformer3DModel,
                       LTXVideoTransformer3DModel, PixArtTransformer2DModel, QwenImageTransformer2DModel,
                       SanaTransformer2DModel, SD3Transformer2DModel, UNet2DConditionModel, WanTransformer3DModel)


def two(*shape):
    """Two rows of the same numbers: the latent, which both conditions share."""
    return torch.randn(1, *shape).repeat(2, *[1] * len(shape))


def times(value=3.0):
    return torch.tensor([value, value])


def positions(height, width):
    ids = torch.zeros(height, width, 3)
    ids[..., 1] += torch.arange(height)[:, None]
    ids[..., 2] += torch.arange(width)[None]
    return ids.reshape(-1, 3)


def unet(**changes):
    sizes = {"block_out_channels": (32, 64), "layers_per_block": 2, "sample_size": 32, "in_channels": 4,
             "out_channels": 4, "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"), "cross_attention_dim": 32,
             "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"), "attention_head_dim": (2, 4), "norm_num_groups": 8}
    return UNet2DConditionModel(**{**sizes, **changes}), {
        "sample": two(4, 16, 24), "timestep": 10, "encoder_hidden_states": torch.randn(2, 7, 32)}


def sdxl():
    model, inputs = unet(addition_embed_type="text_time", addition_time_embed_dim=8, use_linear_projection=True,
                         projection_class_embeddings_input_dim=80, transformer_layers_per_block=(1, 2))
    inputs["added_cond_kwargs"] = {"text_embeds": torch.randn(2, 32), "time_ids": torch.randn(1, 6).repeat(2, 1)}
    return model, inputs


def sd3():
    model = SD3Transformer2DModel(
        sample_size=32, patch_size=1, in_channels=4, num_layers=4, attention_head_dim=8, num_attention_heads=4,
        joint_attention_dim=32, caption_projection_dim=32, pooled_projection_dim=64, out_channels=4)
    return model, {"hidden_states": two(4, 6, 10), "encoder_hidden_states": torch.randn(2, 7, 32),
                   "pooled_projections": torch.randn(2, 64), "timestep": times()}


def pixart():
    model = PixArtTransformer2DModel(
        num_attention_heads=2, attention_head_dim=8, in_channels=4, out_channels=8, num_layers=4,
        cross_attention_dim=16, sample_size=8, patch_size=2, caption_channels=32, norm_type="ada_norm_single",
        use_additional_conditions=False)
    return model, {"hidden_states": two(4, 8, 12), "encoder_hidden_states": torch.randn(2, 7, 32),
                   "timestep": torch.tensor([3, 3]), "encoder_attention_mask": torch.ones(2, 7),
                   "added_cond_kwargs": {"resolution": None, "aspect_ratio": None}}


def flux():
    model = FluxTransformer2DModel(
        patch_size=1, in_channels=4, num_layers=2, num_single_layers=3, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=32, pooled_projection_dim=32, axes_dims_rope=[4, 4, 8])
    return model, {"hidden_states": two(24, 4), "encoder_hidden_states": torch.randn(2, 7, 32),
                   "pooled_projections": torch.randn(2, 32), "timestep": times(0.3), "img_ids": positions(4, 6),
                   "txt_ids": torch.zeros(7, 3)}


def sana():
    model = SanaTransformer2DModel(
        patch_size=1, in_channels=4, out_channels=4, num_layers=2, attention_head_dim=4, num_attention_heads=2,
        num_cross_attention_heads=2, cross_attention_head_dim=4, cross_attention_dim=8, caption_channels=8,
        sample_size=32)
    return model, {"hidden_states": two(4, 8, 12), "encoder_hidden_states": torch.randn(2, 7, 8),
                   "timestep": torch.tensor([3, 3])}


def wan():
    model = WanTransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=4, out_channels=4, text_dim=16,
        freq_dim=256, ffn_dim=32, num_layers=3, cross_attn_norm=True, qk_norm="rms_norm_across_heads",
        rope_max_seq_len=32)
    return model, {"hidden_states": two(4, 2, 8, 12), "encoder_hidden_states": torch.randn(2, 7, 16),
                   "timestep": torch.tensor([3, 3])}


def cogvideox():
    model = CogVideoXTransformer3DModel(
        num_attention_heads=2, attention_head_dim=8, in_channels=4, out_channels=4, time_embed_dim=2, text_embed_dim=8,
        num_layers=2, sample_width=12, sample_height=8, sample_frames=9, patch_size=2, temporal_compression_ratio=4,
        max_text_seq_length=7, use_rotary_positional_embeddings=True)
    return model, {"hidden_states": two(3, 4, 8, 12), "encoder_hidden_states": torch.randn(2, 7, 8),
                   "timestep": torch.tensor([3, 3]), "image_rotary_emb": (torch.randn(72, 8), torch.randn(72, 8))}


def qwen():
    model = QwenImageTransformer2DModel(
        patch_size=2, in_channels=16, out_channels=4, num_layers=2, attention_head_dim=16, num_attention_heads=3,
        joint_attention_dim=16, guidance_embeds=False, axes_dims_rope=(8, 4, 4))
    return model, {"hidden_states": two(24, 16), "encoder_hidden_states": torch.randn(2, 7, 16),
                   "encoder_hidden_states_mask": torch.ones(2, 7).long(), "timestep": times(1.0),
                   "img_shapes": [[(1, 4, 6)]] * 2}


def ltx():
    model = LTXVideoTransformer3DModel(
        in_channels=8, out_channels=8, num_attention_heads=4, attention_head_dim=8, cross_attention_dim=32,
        num_layers=2, caption_channels=32, qk_norm="rms_norm_across_heads")
    return model, {"hidden_states": two(48, 8), "encoder_hidden_states": torch.randn(2, 7, 32),
                   "timestep": torch.tensor([3, 3]), "encoder_attention_mask": torch.ones(2, 7).bool(),
                   "num_frames": 2, "height": 4, "width": 6}


def hunyuan_video():
    model = HunyuanVideoTransformer3DModel(
        in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=10, num_layers=1, num_single_layers=2,
        num_refiner_layers=1, patch_size=1, patch_size_t=1, guidance_embeds=True, text_embed_dim=16,
        pooled_projection_dim=8, rope_axes_dim=(2, 4, 4))
    return model, {"hidden_states": two(4, 2, 4, 6), "encoder_hidden_states": torch.randn(2, 7, 16),
                   "timestep": torch.tensor([3, 3]), "encoder_attention_mask": torch.ones(2, 7),
                   "pooled_projections": torch.randn(2, 8), "guidance": torch.tensor([6000, 6000])}


ALL = (unet, sdxl, sd3, pixart, flux, sana, wan, cogvideox, qwen, ltx, hunyuan_video)


def made(make, **changes):
    torch.manual_seed(1)
    model, inputs = make(**changes)
    return model.eval(), inputs


def with_perturbed(inputs):
    """[uncond, cond] as [uncond, cond, cond]."""
    def longer(x):
        if isinstance(x, torch.Tensor) and x.dim() and x.shape[0] == 2:
            return torch.cat([x, x[1:]])
        if isinstance(x, dict):
            return with_perturbed(x)
        if isinstance(x, tuple) and x[0].shape[0] == 2:
            return tuple(longer(one) for one in x)
        return x + x[1:] if isinstance(x, list) else x
    return {name: longer(x) for name, x in inputs.items()}
