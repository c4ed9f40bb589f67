"""The benchmark of models against a scripted server, and once against a real model."""
