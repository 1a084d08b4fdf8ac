"""ComfyUI: attention that is perturbed in some layers, by its optimized_attention_override.

override() makes what goes into transformer_options["optimized_attention_override"]. perturbed_options() makes the
options of one more prediction, the perturbed one, out of a model's own. rules.Guide applies a rule of guidance where
ComfyUI applies its own. The nodes in bindings/comfyui are made of these. None of it imports ComfyUI."""
from .options import perturbed_options
from .override import Override, override

__all__ = ["Override", "override", "perturbed_options"]
