"""`lamina summary`: what a model file holds."""

from lamina.cli.options import Json, ModelFile, Traceback
from lamina.cli.outcome import outcome


def summary(model: ModelFile, json: Json = False, traceback: Traceback = False) -> None:
    """Print the layers of a model with output shapes, parameters, operations and bytes."""
    with outcome(json=json, traceback=traceback) as result:
        from lamina.cli.files import load_model

        loaded = load_model(model)
        described = loaded.describe()
        result.document = {'model': str(model), **described.json(), 'input_shape': loaded.input_shape, 'output_shape': loaded.output_shape}
        result.say(str(described))
