"""PyTorch Lightning as its introduction writes it: a module, a DataLoader over tensors, a Trainer without its logs and files."""

from measure.peer import Task, main


def listing(task: Task) -> float:
    with task.importing():
        import lightning
        import torch
        from lightning.pytorch.callbacks import LambdaCallback
        from torch import nn
        from torch.utils.data import DataLoader, TensorDataset

    class Digits(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.network = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 10))

        def _share(self, batch, stage):
            x, y = batch
            logits = self.network(x)
            loss = nn.functional.cross_entropy(logits, y)
            accuracy = (logits.argmax(1) == y).float().mean()
            self.log_dict({f'{stage}_loss': loss, f'{stage}_accuracy': accuracy}, on_step=False, on_epoch=True)
            return loss

        def training_step(self, batch):
            return self._share(batch, 'train')

        def test_step(self, batch):
            return self._share(batch, 'test')

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), fused=True)

    lightning.seed_everything(task.seed, verbose=False)
    (x_train, y_train), (x_test, y_test) = task.load_mnist()
    x_train, x_test = x_train / 255.0, x_test / 255.0  # as the listing scales, in every peer
    train = TensorDataset(torch.from_numpy(x_train).float(), torch.from_numpy(y_train).long())
    test = TensorDataset(torch.from_numpy(x_test).float(), torch.from_numpy(y_test).long())
    clock = LambdaCallback(on_train_epoch_start=task.epoch_begins, on_train_epoch_end=task.epoch_ends)
    trainer = lightning.Trainer(
        accelerator='cpu',
        max_epochs=task.epochs,
        callbacks=[clock],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    model = Digits()
    trainer.fit(model, DataLoader(train, batch_size=task.batch_size, shuffle=True))
    return trainer.test(model, DataLoader(test, batch_size=1024), verbose=False)[0]['test_accuracy']


if __name__ == '__main__':
    main(listing)
