"""The compiled loop: step, chunk, epoch, fit. It trains pure functions and never learns what a model is."""
