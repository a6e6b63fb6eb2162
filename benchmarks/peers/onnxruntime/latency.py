"""ONNX Runtime: the network written with `onnx.helper`, called with one image; `threads` sets how many an operation may use."""

import numpy as np
import onnxruntime
from measure import convnet
from measure.peer import Task, main
from onnx import TensorProto, checker, helper, numpy_helper

NAMES = ('first', 'first_bias', 'second', 'second_bias', 'dense', 'dense_bias')


def latency(task: Task) -> None:
    weights, images, outputs = convnet.load(task)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = task.options.get('threads', 0)
    session = onnxruntime.InferenceSession(network(weights), options, providers=['CPUExecutionProvider'])
    convnet.time_calls(task, lambda image: session.run(None, {'images': image})[0], images, outputs)


def network(weights: list[np.ndarray]) -> bytes:
    """The network as an ONNX model of images (1, 28, 28, 1); with one channel, channels first is the same memory."""
    pool = {'kernel_shape': [2, 2], 'strides': [2, 2]}
    nodes = [
        helper.make_node('Reshape', ['images', 'shape'], ['x']),
        helper.make_node('Conv', ['x', *NAMES[:2]], ['c1']),
        helper.make_node('Relu', ['c1'], ['r1']),
        helper.make_node('MaxPool', ['r1'], ['p1'], **pool),
        helper.make_node('Conv', ['p1', *NAMES[2:4]], ['c2']),
        helper.make_node('Relu', ['c2'], ['r2']),
        helper.make_node('MaxPool', ['r2'], ['p2'], **pool),
        helper.make_node('Flatten', ['p2'], ['f']),
        helper.make_node('Gemm', ['f', *NAMES[4:]], ['logits']),
    ]
    constants = [numpy_helper.from_array(weight, name) for weight, name in zip(convnet.channels_first(weights), NAMES, strict=True)]
    constants.append(numpy_helper.from_array(np.array([1, 1, 28, 28], np.int64), 'shape'))
    graph = helper.make_graph(
        nodes,
        'convnet',
        [helper.make_tensor_value_info('images', TensorProto.FLOAT, [1, 28, 28, 1])],
        [helper.make_tensor_value_info('logits', TensorProto.FLOAT, [1, 10])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=10)
    checker.check_model(model)
    return model.SerializeToString()


if __name__ == '__main__':
    main(latency)
