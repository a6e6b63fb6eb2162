"""Eager PyTorch at its quickest for data that fits: tensors made once, batches by a permutation, fused Adam, no host reads in the loop."""

from measure.peer import Task, main


def listing(task: Task) -> float:
    with task.importing():
        import torch
        from torch import nn
    torch.manual_seed(task.seed)
    (x_train, y_train), (x_test, y_test) = task.load_mnist()
    x_train, x_test = x_train / 255.0, x_test / 255.0  # as the listing scales, in every peer
    (x_train, y_train), (x_test, y_test) = [
        (torch.from_numpy(x).float(), torch.from_numpy(y).long()) for x, y in ((x_train, y_train), (x_test, y_test))
    ]
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 10))
    loss_of = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    model.train()
    for _ in range(task.epochs):
        task.epoch_begins()
        total, correct = torch.zeros(()), torch.zeros((), dtype=torch.long)
        for batch in torch.randperm(len(x_train)).split(task.batch_size):
            x, y = x_train[batch], y_train[batch]
            logits = model(x)
            loss = loss_of(logits, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(batch)
            correct += (logits.argmax(1) == y).sum()
        _ = {'loss': total.item() / len(x_train), 'accuracy': correct.item() / len(x_train)}
        task.epoch_ends()
    model.eval()
    with torch.inference_mode():
        return (model(x_test).argmax(1) == y_test).float().mean().item()


if __name__ == '__main__':
    main(listing)
