"""Inputs of a model beside its picture: read, resolved by its tensors, and made into arrays."""
