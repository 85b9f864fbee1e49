# SPDX-License-Identifier: MIT
#
# Holds ONNX files against the library's own evaluation:
#
#     onnx_run.py checker FOLDER    files are valid: onnx.checker with strict
#                                   inference of types and shapes
#     onnx_run.py numpy FOLDER      values, by the operators' definitions in
#                                   NumPy below
#     onnx_run.py opencv FOLDER     values, by OpenCV's dnn module; what that
#                                   cannot load is counted and passed over
#     onnx_run.py resave FOLDER     files are loaded and saved again
#
# FOLDER holds N.onnx and N.txt: a line for each example, inputs and then
# outputs. Exit status 77: a package is missing.
import glob
import sys

try:
    import numpy as np
    import onnx
    from onnx import numpy_helper
except ImportError as missing:
    print(missing)
    sys.exit(77)

import math

erf = np.vectorize(math.erf, otypes=[float])


def attributes(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def steps(n, size, stride, dilation, kernel):
    """For each part of the kernel the positions it sees, n positions given."""
    first = np.arange((n - ((kernel - 1) * dilation + 1)) // stride + 1) * stride
    return [first + q * dilation for q in range(kernel)]


def padded(x, pads, value):
    half = len(pads) // 2
    widths = [(0, 0)] * (x.ndim - half) + list(zip(pads[:half], pads[half:]))
    return np.pad(x, widths, constant_values=value)


def windows(x, kernel, a, value):
    """x [batch, channels, ...] as [parts of the kernel][batch, channels, ...]"""
    axes = len(kernel)
    x = padded(x, a.get("pads", [0] * 2 * axes), value)
    strides, dilations = a.get("strides", [1] * axes), a.get("dilations", [1] * axes)
    at = [steps(x.shape[k + 2], None, strides[k], dilations[k], kernel[k]) for k in range(axes)]
    for part in np.ndindex(*kernel):
        yield part, x[np.ix_(range(x.shape[0]), range(x.shape[1]), *[at[k][part[k]] for k in range(axes)])]


def conv(a, x, w, b=None):
    groups, out = a.get("group", 1), 0
    n, c = x.shape[0], x.shape[1] // groups
    for part, seen in windows(x, w.shape[2:], a, 0):
        seen = seen.reshape((n, groups, c) + seen.shape[2:])
        one = w[(slice(None), slice(None)) + part].reshape(groups, -1, c)
        out = out + np.einsum("goc,ngc...->ngo...", one, seen)
    out = out.reshape((n, w.shape[0]) + out.shape[3:])
    return out if b is None else out + b.reshape((-1,) + (1,) * (out.ndim - 2))


def conv_transpose(a, x, w, b=None):
    groups, axes = a.get("group", 1), w.ndim - 2
    n, c = x.shape[0], x.shape[1] // groups
    s, d = a.get("strides", [1] * axes), a.get("dilations", [1] * axes)
    pads, more = a.get("pads", [0] * 2 * axes), a.get("output_padding", [0] * axes)
    size = [(x.shape[k + 2] - 1) * s[k] + (w.shape[k + 2] - 1) * d[k] + 1 + more[k] for k in range(axes)]
    out = np.zeros([n, groups, w.shape[1]] + size, x.dtype)
    x = x.reshape((n, groups, c) + x.shape[2:])
    w = w.reshape((groups, c) + w.shape[1:])
    for part in np.ndindex(*w.shape[3:]):
        place = [slice(part[k] * d[k], part[k] * d[k] + (x.shape[k + 3] - 1) * s[k] + 1, s[k]) for k in range(axes)]
        one = w[(slice(None),) * 3 + part]
        out[tuple([slice(None)] * 3 + place)] += np.einsum("gco,ngc...->ngo...", one, x)
    cut = [slice(pads[k], size[k] - pads[k + axes]) for k in range(axes)]
    out = out.reshape([n, -1] + size)[tuple([slice(None)] * 2 + cut)]
    return out if b is None else out + b.reshape((-1,) + (1,) * axes)


def max_pool(a, x):
    return np.max([seen for _, seen in windows(x, a["kernel_shape"], a, -np.inf)], axis=0)


def average_pool(a, x):
    total = sum(seen for _, seen in windows(x, a["kernel_shape"], a, 0))
    if a.get("count_include_pad"):
        return total / np.prod(a["kernel_shape"])
    return total / sum(seen for _, seen in windows(np.ones_like(x), a["kernel_shape"], a, 0))


def gemm(a, x, w, b=None):
    y = x @ (w.T if a.get("transB") else w)
    return y if b is None else y + b


def layer_norm(a, x, w, b=None):
    axes = tuple(range(a["axis"], x.ndim))
    y = x - x.mean(axes, keepdims=True)
    y = y / np.sqrt((y * y).mean(axes, keepdims=True) + a["epsilon"]) * w
    return y if b is None else y + b


def batch_norm(a, x, w, b, mean, variance):
    w, b, mean, variance = (v.reshape((-1,) + (1,) * (x.ndim - 2)) for v in (w, b, mean, variance))
    return (x - mean) / np.sqrt(variance + a["epsilon"]) * w + b


def reshape(a, x, shape):
    return x.reshape([x.shape[k] if n == 0 else n for k, n in enumerate(shape)])


def cut(a, x, starts, ends, axes, by=None):
    place = [slice(None)] * x.ndim
    for k, axis in enumerate(axes):
        place[axis] = slice(starts[k], ends[k], 1 if by is None else by[k])
    return x[tuple(place)]


def resize(a, x, roi, scales):
    assert a["mode"] == b"nearest" and a["nearest_mode"] == b"floor"
    for k, s in enumerate(scales):
        x = np.take(x, np.floor(np.arange(int(x.shape[k] * s)) / s).astype(int), axis=k)
    return x


def gather(a, x, index):
    return np.take(x, index, axis=a.get("axis", 0))


def softplus(a, x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def softmax(a, x):
    y = np.exp(x - x.max(a["axis"], keepdims=True))
    return y / y.sum(a["axis"], keepdims=True)


def selu(a, x):
    scale, alpha = 1.05070102214813232421875, 1.67326319217681884765625
    return scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def sigmoid(a, x):
    return 0.5 * (1 + np.tanh(0.5 * x))


operators = {
    "Abs": lambda a, x: np.abs(x),
    "Add": lambda a, x, y: x + y,
    "Atan": lambda a, x: np.arctan(x),
    "AveragePool": average_pool,
    "BatchNormalization": batch_norm,
    "Cast": lambda a, x: x.astype(onnx.mapping.TENSOR_TYPE_TO_NP_TYPE[a["to"]]),
    "Celu": lambda a, x: np.maximum(x, 0) + a["alpha"] * np.expm1(np.minimum(x, 0) / a["alpha"]),
    "Clip": lambda a, x, lo, hi: np.minimum(np.maximum(x, lo), hi),
    "Concat": lambda a, *x: np.concatenate(x, a["axis"]),
    "Constant": lambda a: numpy_helper.to_array(a["value"]),
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "Cos": lambda a, x: np.cos(x),
    "Div": lambda a, x, y: x / y,
    "Elu": lambda a, x: np.where(x > 0, x, a["alpha"] * np.expm1(np.minimum(x, 0))),
    "Erf": lambda a, x: erf(x),
    "Flatten": lambda a, x: x.reshape(x.shape[0], -1),
    "Floor": lambda a, x: np.floor(x),
    "Gather": gather,
    "Gemm": gemm,
    "HardSigmoid": lambda a, x: np.clip(a["alpha"] * x + a.get("beta", 0.5), 0, 1),
    "HardSwish": lambda a, x: x * np.clip(x / 6 + 0.5, 0, 1),
    "Identity": lambda a, x: x,
    "LayerNormalization": layer_norm,
    "LeakyRelu": lambda a, x: np.where(x > 0, x, a["alpha"] * x),
    "Max": lambda a, x, y: np.maximum(x, y),
    "MaxPool": max_pool,
    "Min": lambda a, x, y: np.minimum(x, y),
    "Mul": lambda a, x, y: x * y,
    "Neg": lambda a, x: -x,
    "PRelu": lambda a, x, s: np.where(x > 0, x, s * x),
    "Pad": lambda a, x, pads, value=0: padded(x, list(pads), value),
    "Range": lambda a, lo, hi, by: np.arange(lo, hi, by),
    "ReduceMean": lambda a, x: x.mean(tuple(a["axes"]), keepdims=True),
    "Relu": lambda a, x: np.maximum(x, 0),
    "Reshape": reshape,
    "Resize": resize,
    "Selu": selu,
    "Sigmoid": sigmoid,
    "Sin": lambda a, x: np.sin(x),
    "Slice": cut,
    "Softmax": softmax,
    "Softplus": softplus,
    "Softsign": lambda a, x: x / (1 + np.abs(x)),
    "Sqrt": lambda a, x: np.sqrt(x),
    "Sub": lambda a, x, y: x - y,
    "Tanh": lambda a, x: np.tanh(x),
    "TopK": lambda a, x, k: -np.sort(-x, axis=-1)[..., : int(k[0])],
    "Transpose": lambda a, x: x.transpose(a["perm"]),
}


def real(tensor):
    """Numbers as float64; NumPy has no bfloat16."""
    if tensor.data_type == onnx.TensorProto.BFLOAT16:
        bits = np.frombuffer(tensor.raw_data, "<u2").astype(np.uint32) << 16
        return bits.view(np.float32).reshape(tensor.dims)
    return numpy_helper.to_array(tensor)


def run(model, x):
    # Everything in float64: what is compared is what the graph says, not how
    # float32 rounds it.
    def wide(v):
        return v.astype(np.float64) if v.dtype.kind == "f" else v

    value = {t.name: wide(real(t)) for t in model.graph.initializer}
    value[model.graph.input[0].name], value[""] = x, None
    for node in model.graph.node:
        y = operators[node.op_type](attributes(node), *[value[name] for name in node.input])
        value[node.output[0]] = wide(np.asarray(y))
    return value[model.graph.output[0].name]


def examples(path, model):
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim[1:]]
    rows = np.loadtxt(path[:-5] + ".txt", ndmin=2)
    n = int(np.prod(shape))
    return rows[:, :n].reshape([-1] + shape), rows[:, n:]


def check(path, model):
    onnx.checker.check_model(model, full_check=True)
    for port in list(model.graph.input) + list(model.graph.output):
        assert port.type.tensor_type.shape.dim[0].dim_param == "batch"
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    assert inferred.graph.output[0].type == model.graph.output[0].type


def compare(path, model, run, tolerance):
    x, expected = examples(path, model)
    y = np.asarray(run(model, x)).reshape(len(x), -1)
    error = np.max(np.abs(y - expected) / (1 + np.abs(expected)))
    assert y.shape == expected.shape and error < tolerance, f"off by {error}"


def by_opencv(model, x):
    # Its Python takes three dimensions for an image, and 4.6 passes over
    # count_include_pad.
    pools = [attributes(node) for node in model.graph.node if node.op_type == "AveragePool"]
    if x.ndim == 3 or any(a.get("count_include_pad") for a in pools):
        raise cv2.error("not tried")
    net = cv2.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))
    out = []
    for one in x.astype(np.float32):
        net.setInput(one[None])
        out.append(net.forward().reshape(-1))
    return out


if sys.argv[1] == "opencv":
    try:
        import cv2
    except ImportError as missing:
        print(missing)
        sys.exit(77)

done = passed_over = 0
for path in sorted(glob.glob(sys.argv[2] + "/*.onnx")):
    model = onnx.load(path)
    try:
        if sys.argv[1] == "checker":
            check(path, model)
        elif sys.argv[1] == "resave":
            onnx.save(model, path)
        elif sys.argv[1] == "numpy":
            compare(path, model, run, 1e-5 if model.graph.input[0].type.tensor_type.elem_type == 1 else 1e-9)
        else:
            compare(path, model, by_opencv, 1e-3)
        done += 1
    except Exception as error:
        if sys.argv[1] == "opencv" and isinstance(error, cv2.error):
            passed_over += 1
            continue
        print(f"{path}: {type(error).__name__}: {error}")
        print(onnx.helper.printable_graph(model.graph)[:3000])
        sys.exit(1)
print(f"{done} files, {passed_over} passed over")
