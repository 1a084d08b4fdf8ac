"""Nodes of attnguide for ComfyUI: this folder goes into ComfyUI/custom_nodes. README.md tells what they do."""
from . import perturb, rules

NODES = {**perturb.NODES, **rules.NODES}
NODE_CLASS_MAPPINGS = {name: node for name, (node, _) in NODES.items()}
NODE_DISPLAY_NAME_MAPPINGS = {name: title for name, (_, title) in NODES.items()}

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]
