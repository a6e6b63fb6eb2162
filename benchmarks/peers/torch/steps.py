"""The step works in PyTorch by the plain loop: tensors made once, batches by a permutation, fused Adam, no host reads within an epoch.

`channels_last` holds images and weights so, `compiled` trains `torch.compile(model)`.
"""

import torch
from measure import synthetic
from measure.peer import Task, Unavailable, main
from torch import nn


def convnet(task: Task) -> float:
    (x, y), (x_test, y_test) = synthetic.digits(task)
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.5), nn.Linear(1600, 10),
    )  # fmt: skip
    fit(task, _laid_out(task, model), nn.functional.cross_entropy, _channels(task, x), torch.from_numpy(y).long())
    model.eval()
    with torch.inference_mode():
        parts = [model(part).argmax(1) for part in _channels(task, x_test).split(1000)]
    return (torch.cat(parts) == torch.from_numpy(y_test)).float().mean().item()


def lstm(task: Task) -> None:
    x, y = map(torch.from_numpy, synthetic.sequences(task))
    fit(task, Last(nn.LSTM(32, 128, batch_first=True)), nn.functional.mse_loss, x, y)


def gru(task: Task) -> None:
    x, y = map(torch.from_numpy, synthetic.sequences(task))
    fit(task, Last(nn.GRU(32, 128, batch_first=True)), nn.functional.mse_loss, x, y)


class Last(nn.Module):
    """A dense layer on what a recurrent one returns at the end."""

    def __init__(self, recurrent: nn.Module):
        super().__init__()
        self.recurrent, self.head = recurrent, nn.Linear(128, 1)

    def forward(self, x):
        return self.head(self.recurrent(x)[0][:, -1])


def resnet(task: Task) -> None:
    blocks, channels = [], 16
    for filters in (16, 32, 64):
        for block in range(3):
            blocks.append(ResidualBlock(channels, filters, 2 if filters > 16 and block == 0 else 1))
            channels = filters
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
        *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip
    x, y = synthetic.images(task)
    fit(task, _laid_out(task, model), nn.functional.cross_entropy, _channels(task, x), torch.from_numpy(y).long())


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions beside the identity, or beside a 1×1 convolution where the shape changes."""

    def __init__(self, channels: int, filters: int, stride: int):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(channels, filters, 3, stride, 1, bias=False), nn.BatchNorm2d(filters))
        self.second = nn.Sequential(nn.Conv2d(filters, filters, 3, 1, 1, bias=False), nn.BatchNorm2d(filters))
        shortcut = nn.Sequential(nn.Conv2d(channels, filters, 1, stride, bias=False), nn.BatchNorm2d(filters))
        self.shortcut = shortcut if stride > 1 else nn.Identity()

    def forward(self, x):
        return nn.functional.relu(self.second(nn.functional.relu(self.first(x))) + self.shortcut(x))


def transformer(task: Task) -> None:
    x, y = synthetic.embedded(task)
    fit(task, Classifier(), nn.functional.cross_entropy, torch.from_numpy(x), torch.from_numpy(y).long())


class Classifier(nn.Module):
    """Four layers of PyTorch's own encoder, the mean over time, a dense layer."""

    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(128, 8, 512, dropout=0.1, batch_first=True)
        self.encoder, self.head = nn.TransformerEncoder(layer, 4, enable_nested_tensor=False), nn.Linear(128, 10)

    def forward(self, x):
        return self.head(self.encoder(x).mean(1))


def embedding(task: Task) -> None:
    rows = 100_000
    task.steps *= 5  # sparse steps are short
    task.note(note='a sparse gradient and SparseAdam for the table, fused Adam for the rest')
    x, y = map(torch.from_numpy, synthetic.ids(task, rows))
    table = nn.Embedding(rows, 64, sparse=True)
    model = nn.Sequential(table, nn.Flatten(), nn.Linear(64, 1))
    optimizers = [torch.optim.SparseAdam(table.parameters()), torch.optim.Adam(model[-1].parameters(), fused=True)]
    fit(task, model, nn.functional.mse_loss, x.long(), y, optimizers)


def fit(task: Task, model: nn.Module, loss_of, x, y, optimizers=None) -> None:
    torch.manual_seed(task.seed)
    optimizers = optimizers or [torch.optim.Adam(model.parameters(), fused=True)]
    run = compiled(model) if task.options.get('compiled') else model
    channels_last = task.options.get('channels_last')
    model.train()
    for _ in range(task.epochs):
        task.epoch_begins()
        total = torch.zeros(())
        for batch in torch.randperm(len(x)).split(task.batch_size):
            inputs = x[batch].contiguous(memory_format=torch.channels_last) if channels_last else x[batch]
            loss = loss_of(run(inputs), y[batch])
            for optimizer in optimizers:
                optimizer.zero_grad()
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
            total += loss.detach()
        _ = total.item()
        task.epoch_ends()
    task.note(parameters=sum(parameter.numel() for parameter in model.parameters()), steps=task.steps)


def compiled(model):
    """The model by `torch.compile`.

    Raises:
        Unavailable: there is no C++ compiler to make its kernels with.
    """
    from torch._inductor import cpp_builder, exc

    try:
        cpp_builder.get_cpp_compiler()
    except exc.InvalidCxxCompiler as error:
        raise Unavailable('torch.compile found no C++ compiler') from error
    return torch.compile(model)


def _channels(task: Task, x):
    """Images (batch, height, width, channels) as PyTorch names their axes, in the order in memory that the row asks for."""
    x = torch.from_numpy(x).permute(0, 3, 1, 2)
    return x if task.options.get('channels_last') else x.contiguous()


def _laid_out(task: Task, model: nn.Module) -> nn.Module:
    return model.to(memory_format=torch.channels_last) if task.options.get('channels_last') else model


if __name__ == '__main__':
    main(convnet, lstm, gru, resnet, transformer, embedding)
