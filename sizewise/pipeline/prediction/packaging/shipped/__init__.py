"""Files that go into packages as they stand here, but for their imports of one another.

They need Python 3.10, NumPy, Pillow and the library of the engines alone, and nothing of sizewise.
"""
