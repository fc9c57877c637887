"""Training a style from inside Blender: the folder of a training, what is painted in it, the trainer's process and its Python."""
