"""Checkpoints from other code bases, local or on the Hugging Face hub. Nothing in them is executed.

hub, weights              find the weights file
containers                read the file, one module per file format
state_dict                extract the weights under plain names, and decide which copy to use
settings_files, settings  find and read settings in the file, next to it, or one folder up; plain_yaml reads untrusted yaml
sections                  the section with the model's settings, without the wrappers that W&B and Hydra add
shapes, agreement         what the tensor shapes determine, and whether settings agree with them
public_checkpoints        facts about well-known public checkpoints
other_models              models that cannot be opened, and why
format                    puts all of it together: a configuration, and the source of every value
"""
