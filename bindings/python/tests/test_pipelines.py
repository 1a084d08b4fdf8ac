"""Pipelines of diffusers with tiny random models, a few steps: their latents with diffusers' own PAG processors, with
ours, and those of stock pipelines that guided() guides."""
import unittest
import warnings

import attnguide as ag
import tiny
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    PixArtSigmaPAGPipeline,
    SanaPAGPipeline,
    StableDiffusion3PAGPipeline,
    StableDiffusion3Pipeline,
    StableDiffusionPAGPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPAGPipeline,
    StableDiffusionXLPipeline,
)
from diffusers.utils import logging
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

warnings.simplefilter("ignore")
logging.set_verbosity_error()


def setUpModule():
    torch.set_grad_enabled(False)


def tearDownModule():
    torch.set_grad_enabled(True)


def vae(channels=4):
    return AutoencoderKL(block_out_channels=[4, 8], in_channels=3, out_channels=3, latent_channels=channels,
                         down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2,
                         norm_num_groups=2)


def encoder(width, kind=CLIPTextModel):
    return kind(CLIPTextConfig(hidden_size=width, intermediate_size=16, num_attention_heads=2, num_hidden_layers=2,
                               vocab_size=1000, projection_dim=width))


def diffusion():
    return DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
                         set_alpha_to_one=False, steps_offset=1)


def sd():
    unet, _ = tiny.made(tiny.unet)
    parts = {"vae": vae(), "text_encoder": encoder(32), "tokenizer": None, "unet": unet, "scheduler": diffusion(),
             "safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    given = {"prompt_embeds": torch.randn(1, 7, 32), "negative_prompt_embeds": torch.randn(1, 7, 32)}
    return StableDiffusionPAGPipeline, StableDiffusionPipeline, unet, parts, given, "mid"


def sdxl():
    unet, _ = tiny.made(tiny.sdxl)
    parts = {"vae": vae(), "text_encoder": encoder(32), "tokenizer": None, "unet": unet, "scheduler": diffusion(),
             "text_encoder_2": encoder(32, CLIPTextModelWithProjection), "tokenizer_2": None, "add_watermarker": False}
    given = {name: torch.randn(*shape) for name, shape in (
        ("prompt_embeds", (1, 7, 32)), ("negative_prompt_embeds", (1, 7, 32)), ("pooled_prompt_embeds", (1, 32)),
        ("negative_pooled_prompt_embeds", (1, 32)))}
    return StableDiffusionXLPAGPipeline, StableDiffusionXLPipeline, unet, parts, given, "mid"


def sd3():
    model, _ = tiny.made(tiny.sd3)
    parts = {"vae": vae(), "transformer": model, "scheduler": FlowMatchEulerDiscreteScheduler()}
    parts.update((f"{what}{which}", None) for what in ("text_encoder", "tokenizer") for which in ("", "_2", "_3"))
    given = {name: torch.randn(*shape) for name, shape in (
        ("prompt_embeds", (1, 7, 32)), ("negative_prompt_embeds", (1, 7, 32)), ("pooled_prompt_embeds", (1, 64)),
        ("negative_pooled_prompt_embeds", (1, 64)))}
    return StableDiffusion3PAGPipeline, StableDiffusion3Pipeline, model, parts, given, "blocks.1"


def pixart():
    model, _ = tiny.made(tiny.pixart)
    parts = {"vae": vae(), "transformer": model, "scheduler": DDIMScheduler(), "text_encoder": None, "tokenizer": None}
    given = {"prompt_embeds": torch.randn(1, 7, 32), "negative_prompt_embeds": torch.randn(1, 7, 32),
             "prompt_attention_mask": torch.ones(1, 7), "negative_prompt_attention_mask": torch.ones(1, 7),
             "negative_prompt": None, "use_resolution_binning": False}
    return PixArtSigmaPAGPipeline, None, model, parts, given, "blocks.1"


def sana():
    model, _ = tiny.made(tiny.sana)
    parts = {"vae": None, "transformer": model, "scheduler": DPMSolverMultistepScheduler(), "text_encoder": None,
             "tokenizer": None}
    given = {"prompt_embeds": torch.randn(1, 7, 8), "negative_prompt_embeds": torch.randn(1, 7, 8),
             "prompt_attention_mask": torch.ones(1, 7), "negative_prompt_attention_mask": torch.ones(1, 7),
             "negative_prompt": None, "use_resolution_binning": False}
    return SanaPAGPipeline, None, model, parts, given, "blocks.1"


class Pipelines(unittest.TestCase):
    def near(self, got, want):
        worst = ((got - want).norm() / want.norm()).item()
        self.assertFalse(not worst <= 1e-4, f"{worst} beyond 1e-4")

    def latents(self, pipe, given, **scales):
        pipe.set_progress_bar_config(disable=True)
        made = pipe(**given, **scales, height=32, width=64, num_inference_steps=3, output_type="latent",
                    generator=torch.Generator().manual_seed(3))
        return made.images

    def try_one(self, make):
        torch.manual_seed(5)
        with_pag, stock, model, parts, given, layer = make()
        own = with_pag(**parts, pag_applied_layers=[layer])
        want = self.latents(own, given, guidance_scale=5.0, pag_scale=3.0)
        plain = self.latents(own, given, guidance_scale=5.0, pag_scale=0.0)
        self.assertGreater(((plain - want).norm() / want.norm()).item(), 1e-4)
        own.set_pag_applied_layers([layer], ag.diffusers.pag_processors("identity"))
        self.near(self.latents(own, given, guidance_scale=5.0, pag_scale=3.0), want)
        if stock is None:
            return
        layers = [name for name, _ in model.named_modules() if name.startswith("mid") and name.endswith("attn1")]
        with ag.diffusers.guided(model, layers if layer == "mid" else [1], rows="stock", scale=3, cfg=5) as guided:
            self.near(self.latents(stock(**parts), given, guidance_scale=5.0), want)
        self.assertGreaterEqual(guided.calls, 3)

    def test_stable_diffusion(self):
        self.try_one(sd)

    def test_stable_diffusion_xl(self):
        self.try_one(sdxl)

    def test_stable_diffusion_3(self):
        self.try_one(sd3)

    def test_pixart(self):
        self.try_one(pixart)

    def test_sana(self):
        self.try_one(sana)
        with_pag, _, _, parts, given, layer = sana()
        pipe = with_pag(**parts, pag_applied_layers=[layer])
        pipe.set_pag_applied_layers([layer], ag.diffusers.pag_processors("uniform"))
        with self.assertRaises(ag.Refused) as caught:
            self.latents(pipe, given, guidance_scale=5.0, pag_scale=3.0)
        self.assertIn("linear attention", str(caught.exception))

    def test_seg_in_a_pag_pipeline(self):
        with_pag, stock, model, parts, given, layer = sd3()
        pipe = with_pag(**parts, pag_applied_layers=[layer])
        pipe.set_pag_applied_layers([layer], ag.diffusers.pag_processors("smoothed", sigma=1e6))
        got = self.latents(pipe, given, guidance_scale=5.0, pag_scale=3.0)
        with ag.diffusers.guided(model, [1], rows="stock", row=ag.row("smoothed", sigma=1e6), scale=3, cfg=5):
            self.near(self.latents(stock(**parts), given, guidance_scale=5.0), got)


if __name__ == "__main__":
    unittest.main()
