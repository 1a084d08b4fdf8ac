"""The backend "attnguide" in diffusers' attention dispatcher."""
import gc

import torch
from diffusers.models.attention_dispatch import AttentionBackendName, _AttentionBackendRegistry

from .. import _attention
from .._engine import refuse

NAME = "attnguide"
TABLES = ("_backends", "_constraints", "_supported_arg_names")


def wide_mask(mask, query, key):
    """A mask of [B,M] as one of [B,1,1,M]; others broadcast as they are."""
    if mask is not None and mask.dim() == 2 and tuple(mask.shape) == (query.shape[0], key.shape[1]):
        return mask[:, None, None, :]
    return mask


def attend(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False,
           return_lse=False, _parallel_config=None):
    """[B,N,H,D] each; the result too, and with return_lse also lse [B,N,H]. Causal as PyTorch's: query i sees the keys
    up to i."""
    del enable_gqa  # heads of k that divide those of q are always grouped
    if dropout_p:
        refuse("COMBINATION", "attention dropout is not served by the backend attnguide: set it to 0")
    if _parallel_config is not None:
        refuse("COMBINATION", "the backend attnguide does not run in parts over several processes")
    tensors = (query, key, value) if attn_mask is None else (query, key, value, attn_mask)
    if torch.is_grad_enabled() and any(x.requires_grad for x in tensors):
        refuse("COMBINATION", "the backend attnguide has no gradient: use torch.no_grad() or the backend native with "
                              "ag.torch.activate()")
    options = {} if scale is None else {"scale": scale}
    if return_lse:
        options["lse"] = True
    if is_causal:
        longer = max(query.shape[1], key.shape[1])
        options.update(causal=True, global_n_q=longer, global_n_k=longer)
    out, lse = _attention.run("attention", query, key, value, bias=wide_mask(attn_mask, query, key), options=options,
                              layout="bnhd")
    return (out, lse.transpose(1, 2)) if return_lse else out


def member(name):
    """A member of the closed enum of backends: str subclasses with the enum's own bookkeeping."""
    made = str.__new__(AttentionBackendName, name)
    made._name_, made._value_ = name.upper(), name
    return made


def enable() -> None:
    """Adds the backend; twice is once. Then model.set_attention_backend("attnguide")."""
    if NAME in AttentionBackendName._value2member_map_:
        return
    backend = member(NAME)
    AttentionBackendName._member_map_[backend._name_] = backend
    AttentionBackendName._member_names_.append(backend._name_)
    AttentionBackendName._value2member_map_[NAME] = backend
    _AttentionBackendRegistry.register(backend)(attend)


def processors():
    """Every attention processor that is alive."""
    for one in gc.get_objects():
        if issubclass(type(one), torch.nn.Module):
            found = one.__dict__.get("processor")
            if found is not None:
                yield found


def disable() -> None:
    """Takes the backend away: models that it serves go back to PyTorch's. Without enable() it does nothing."""
    backend = AttentionBackendName._value2member_map_.pop(NAME, None)
    if backend is None:
        return
    for processor in processors():
        if getattr(processor, "_attention_backend", None) is backend:
            processor._attention_backend = None
    del AttentionBackendName._member_map_[backend._name_]
    AttentionBackendName._member_names_.remove(backend._name_)
    for table in TABLES:
        getattr(_AttentionBackendRegistry, table).pop(backend, None)
    if _AttentionBackendRegistry._active_backend is backend:
        _AttentionBackendRegistry.set_active_backend(AttentionBackendName.NATIVE)
