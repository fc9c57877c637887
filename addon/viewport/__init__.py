"""The look while one works: a 3D viewport that shows a GAN Style node's style over what it draws."""
