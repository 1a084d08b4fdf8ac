"""ONNX Runtime as a contestant: its MultiHeadAttention and the standard's Attention, each a model of one node."""
import contextlib
import os

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper

from measure import Subject

WHO = "ONNX Runtime"
NO_FLASH = "ORT_DISABLE_FLASH_ATTENTION"


@contextlib.contextmanager
def environment(name, value):
    """MultiHeadAttention reads it when a session is made."""
    if value:
        os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name, None)


def model(node, shapes, domain):
    tensor = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    graph = helper.make_graph([node], "attention", tensor[:3], tensor[3:])
    imports = [helper.make_opsetid("", 23)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    made = helper.make_model(graph, opset_imports=imports, ir_version=10)
    onnx.checker.check_model(made)
    return made.SerializeToString()


def session(machine, data):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = machine.threads, 1
    options.log_severity_level = 3
    with machine.placed():
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def packed(tensor, projected):
    """[B,H,N,d] as it lies in memory, or [B,N,H d] as a projection leaves it."""
    x = numpy.frombuffer(tensor.memory, dtype=numpy.float32, count=tensor.count).reshape(tensor.shape)
    if not projected:
        return x
    return numpy.ascontiguousarray(x.transpose(0, 2, 1, 3)).reshape(x.shape[0], x.shape[2], -1)


def subject(machine, case, tensors, way, **also):
    name, domain, operator, projected, flash = way
    heads, d = tensors[0].shape[1], tensors[0].shape[3]
    inputs = [packed(t, p) for t, p in zip(tensors[:3], projected)]
    attributes = {"num_heads": heads} if domain else {}
    node = helper.make_node(operator, ["q", "k", "v"], ["out"], domain=domain, **attributes)
    shapes = dict(zip("qkv", (x.shape for x in inputs)), out=inputs[0].shape)
    with environment(NO_FLASH, "" if flash else "1"):
        made = session(machine, model(node, shapes, domain))
    out = numpy.full(inputs[0].shape, numpy.nan, numpy.float32)
    binding = made.io_binding()
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(x) for x in inputs]
    for letter, value in zip("qkv", values):
        binding.bind_ortvalue_input(letter, value)
    result = onnxruntime.OrtValue.ortvalue_from_numpy(out)
    binding.bind_ortvalue_output("out", result)
    one = Subject(WHO, case, lambda: made.run_with_iobinding(binding), detail=name, **also)
    one.kept = (made, binding, values)

    def row(b, h, i):
        x = result.numpy()
        return (x[b, i].reshape(heads, d)[h] if x.ndim == 3 else x[b, h, i]).astype(float).tolist()
    one.row = row
    return one


WAYS = [("MultiHeadAttention, flash", "com.microsoft", "MultiHeadAttention", (True, True, True), True),
        ("MultiHeadAttention, whole matrix", "com.microsoft", "MultiHeadAttention", (True, True, True), False),
        ("MultiHeadAttention, K and V by head", "com.microsoft", "MultiHeadAttention", (True, False, False), True),
        ("Attention of opset 23", "", "Attention", (False, False, False), True)]


def attention(machine, case, tensors, **also):
    """Every way that this version takes; why it takes no other is in the second list."""
    taken, refused = [], []
    for way in WAYS:
        try:
            one = subject(machine, case, tensors, way, **also)
            one.run()
            taken.append(one)
        except Exception as why:  # pylint: disable=broad-except - whatever a version raises, the others still run
            refused.append(f"{way[0]}: {str(why).splitlines()[0][:200]}")
    return taken, refused


def named():
    return {"ONNX Runtime": onnxruntime.__version__, "NumPy": numpy.__version__}
