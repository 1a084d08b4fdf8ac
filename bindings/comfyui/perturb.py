"""Nodes that guide away from a prediction with perturbed attention."""
import attnguide as ag
import comfy.samplers
from attnguide.comfyui import perturbed_options
from attnguide.comfyui.schedule import OFF, weight

INFINITE = 10000.0
PLACES = {"auto": None, "before the picture": "first", "behind the picture": "last"}
LIMIT = {"default": OFF, "min": OFF, "max": 10000.0, "step": 0.01, "round": False}
BLUR = {"default": -1.0, "min": -1.0, "max": 9999.0, "step": 0.01, "round": 0.001, "tooltip":
        "How far queries are blurred, in tokens of the layer. -1: the mean of the picture. 0: no blur, no guidance."}
MODEL = {"tooltip": "The model to guide. It is cloned: other branches of the workflow keep theirs."}


def common(scale_tooltip):
    """The inputs that all of these nodes have."""
    return {
        "model": ("MODEL", MODEL),
        "scale": ("FLOAT", {"default": 3.0, "min": 0.0, "max": 100.0, "step": 0.1, "round": 0.01,
                            "tooltip": scale_tooltip}),
        "layers": ("STRING", {"default": "middle.0", "tooltip":
                              "Which self-attention is perturbed: names like middle.0, input.4, output.3.1, double.5, "
                              "single.7, or numbers from 0 on; several with commas."}),
        "adaptive_scale": ("FLOAT", {"default": 0.0, "min": 0.0, "max": 1.0, "step": 0.001, "round": 0.0001, "tooltip":
                                     "How fast scale falls, for each of 1000 steps. At 0.006 a scale of 3 is gone half "
                                     "way. 0: it stays."}),
        "sigma_start": ("FLOAT", {**LIMIT, "tooltip": "Guide only where sigma is at most this. -1: from the start."}),
        "sigma_end": ("FLOAT", {**LIMIT, "tooltip": "Guide only where sigma is above this. -1: to the end."}),
        "text_tokens": (list(PLACES), {"tooltip": "Where text lies beside the picture in a layer, if it does. U-Nets "
                                                  "have none there."}),
    }


def inputs(scale_tooltip, **own):
    """INPUT_TYPES of a node: its own come behind scale."""
    shared = common(scale_tooltip)
    first = {name: shared.pop(name) for name in ("model", "scale")}
    return {"required": {**first, **own, **shared}}


class Perturbed:
    """What these nodes share."""

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "patch"
    CATEGORY = "attnguide"
    OUTPUT_TOOLTIPS = ("The guided model.",)

    def guided(self, model, row, scale, layers, adaptive_scale, sigma_start, sigma_end, text_tokens, both=False):
        """A clone of the model whose predictions are guided. both: the prediction without the condition is perturbed
        too, and takes the place of that of classifier-free guidance."""
        ag.comfyui.override(layers=layers, row=row)  # says at once what is wrong with them

        def post_cfg(args):
            w = weight(scale, adaptive_scale, args["sigma"], args["model"].model_sampling, sigma_start, sigma_end)
            if w == 0:
                return args["denoised"]
            g = float(args["cond_scale"])
            conds = [args["cond"], args["uncond"]] if both and g != 1 and args["uncond"] is not None else [args["cond"]]
            options = perturbed_options(args["model_options"], args["model"], args["input"].shape, layers, row, "all",
                                        PLACES[text_tokens], conds)
            made = comfy.samplers.calc_cond_batch(args["model"], conds, args["input"], args["sigma"], options)
            return combined(args, made, g, w)

        guided = model.clone()
        guided.set_model_sampler_post_cfg_function(post_cfg)
        return (guided,)


def combined(args, perturbed, g, w):
    """CFG + w (C - C^), and with U^ also + (g-1) (U - U^): then it is C + (g-1) (C - U^) + w (C - C^)."""
    terms, weights = [args["denoised"], args["cond_denoised"], perturbed[0]], [1, w, -w]
    if len(perturbed) > 1:
        terms, weights = [*terms, args["uncond_denoised"], perturbed[1]], [*weights, g - 1, 1 - g]
    return ag.combine("linear", [term.contiguous() for term in terms], weights)


def blurred(method, blur_sigma, **fields):
    return ag.row(method, sigma=INFINITE if blur_sigma < 0 else blur_sigma, **fields)


class PerturbedAttentionGuidance(Perturbed):
    DESCRIPTION = ("Perturbed-Attention Guidance (arXiv 2403.17377): guides away from a prediction in which each token "
                   "of the picture attends to itself alone. CFG + scale (C - P).")

    @classmethod
    def INPUT_TYPES(cls):
        return inputs("How far away from the perturbed prediction. The paper takes 3 beside CFG 4. 0: off.")

    def patch(self, model, **given):
        return self.guided(model, ag.row("identity"), **given)


class SmoothedEnergyGuidance(Perturbed):
    DESCRIPTION = ("Smoothed Energy Guidance (arXiv 2408.00760): guides away from a prediction whose queries are "
                   "blurred over the picture. CFG + scale (C - P).")

    @classmethod
    def INPUT_TYPES(cls):
        return inputs("How far away from the perturbed prediction. The authors' code takes 3. 0: off.",
                      blur_sigma=("FLOAT", BLUR))

    def patch(self, model, blur_sigma, **given):
        return self.guided(model, blurred("smoothed", blur_sigma), **given)


class OrthogonalSmoothedEnergyGuidance(Perturbed):
    DESCRIPTION = ("Orthogonal Smoothed Energy Guidance: only the part of each query across its own key is blurred. "
                   "C + (cfg - 1) (C - U^) + scale (C - C^), hats: perturbed predictions.")

    @classmethod
    def INPUT_TYPES(cls):
        return inputs(
            "How far away from the perturbed prediction. 0: off.", blur_sigma=("FLOAT", BLUR),
            keep_parallel=("BOOLEAN", {"default": True, "tooltip":
                                       "Keep the part of the query along its own key. Off: nearer the authors' code."}),
            perturb_uncond=("BOOLEAN", {"default": True, "tooltip":
                                        "Perturb the prediction without the prompt as well. Off: CFG stays as it is, "
                                        "and a step is one prediction cheaper."}))

    def patch(self, model, blur_sigma, keep_parallel, perturb_uncond, **given):
        row = blurred("orthogonal", blur_sigma, keep_parallel=int(keep_parallel))
        return self.guided(model, row, both=perturb_uncond, **given)


class ScrambledAttentionGuidance(Perturbed):
    DESCRIPTION = ("Scrambled Attention Guidance: guides away from a prediction in which the tokens of the picture are "
                   "mixed up: their values (permute), their results (tokens, arXiv 2506.10036), or means of values "
                   "drawn at random (gather). CFG + scale (C - P).")

    @classmethod
    def INPUT_TYPES(cls):
        return inputs(
            "How far away from the perturbed prediction. 0: off.",
            kind=(["permute", "tokens", "gather"], {"tooltip": "What is mixed up."}),
            seed=("INT", {"default": 0, "min": 0, "max": 0xffffffffffffffff, "tooltip":
                          "What is drawn; the same at each step."}),
            draws=("INT", {"default": 1, "min": 1, "max": 64, "tooltip": "gather: values in each mean."}),
            mix=("FLOAT", {"default": 1.0, "min": 0.0, "max": 1.0, "step": 0.01, "tooltip":
                           "permute: the share of the other token's value."}))

    def patch(self, model, kind, seed, draws, mix, **given):
        own = {"gather": {"draws": draws}, "permute": {"mix": mix}}.get(kind, {})
        return self.guided(model, ag.row(kind, seed=seed, **own), **given)


NODES = {
    "AttnguidePAG": (PerturbedAttentionGuidance, "Perturbed-Attention Guidance (attnguide)"),
    "AttnguideSEG": (SmoothedEnergyGuidance, "Smoothed Energy Guidance (attnguide)"),
    "AttnguideOSEG": (OrthogonalSmoothedEnergyGuidance, "Orthogonal Smoothed Energy Guidance (attnguide)"),
    "AttnguideScrambled": (ScrambledAttentionGuidance, "Scrambled Attention Guidance (attnguide)"),
}
