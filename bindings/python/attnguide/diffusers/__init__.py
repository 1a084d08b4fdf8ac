"""diffusers: an attention backend, processors for its PAG pipelines, and guided(), which perturbs layers of any model.

enable() adds the backend "attnguide" to diffusers' dispatcher: model.set_attention_backend("attnguide") then runs all
of the model's attention by the library. pag_processors() gives the pair that pipe.set_pag_applied_layers() takes.
guided() makes a model run rows such as [uncond, cond, perturbed] with a method in some of its layers, or, with
rows="stock", lets a pipeline that knows nothing of guidance call it as always. sweep() samples the perturbed network
alone, layer by layer, which tells the layer to guide by."""
from .backend import disable, enable
from .guided import guided
from .processors import pag_processors
from .sweep import sweep

__all__ = ["disable", "enable", "guided", "pag_processors", "sweep"]
