"""The trainer as a service: specs, inputs and outputs of the programs in training/, and the children that run them."""
