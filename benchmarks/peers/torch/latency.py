"""PyTorch: the network called with one image in inference mode."""

import numpy as np
import torch
from measure import convnet
from measure.peer import Task, main
from steps import compiled
from torch import nn


def latency(task: Task) -> None:
    weights, images, outputs = convnet.load(task)
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.5), nn.Linear(1600, 10),
    ).eval()  # fmt: skip
    *convolutions, dense, bias = convnet.channels_first(weights)
    given = [*convolutions, np.ascontiguousarray(dense.T), bias]
    model.load_state_dict(dict(zip(model.state_dict(), map(torch.from_numpy, given), strict=True)))
    run = compiled(model) if task.options.get('compiled') else model

    @torch.inference_mode()
    def call(image: np.ndarray) -> np.ndarray:
        return run(torch.from_numpy(image).reshape(-1, 1, 28, 28)).numpy()

    task.note(note='inference mode')
    convnet.time_calls(task, call, images, outputs)


if __name__ == '__main__':
    main(latency)
