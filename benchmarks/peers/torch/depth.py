"""PyTorch: equal residual blocks in a loop. Eager, nothing is compiled and the first step tells what else it does once."""

import os

os.environ['TORCHINDUCTOR_FORCE_DISABLE_CACHES'] = '1'

import torch
from measure.peer import Task, main, time_compilation
from steps import compiled
from torch import nn


class Blocks(nn.Module):
    """Residual blocks and a dense layer."""

    def __init__(self, blocks: int):
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(128, 128) for _ in range(blocks)])
        self.head = nn.Linear(128, 1)

    def forward(self, x):
        for block in self.blocks:
            x = x + block(x).relu()
        return self.head(x)


def depth(task: Task) -> None:
    model = Blocks(task.options['blocks'])
    run = compiled(model) if task.options.get('compiled') else model
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    x, y = torch.ones(32, 128), torch.ones(32, 1)

    def step() -> float:
        loss = nn.functional.mse_loss(run(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    task.note(note='inductor, without its caches' if task.options.get('compiled') else 'nothing is compiled')
    time_compilation(task, step)


if __name__ == '__main__':
    main(depth)
