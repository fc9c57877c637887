"""GAN Style as a Blender extension. Nothing is imported here, so that tools may import the folder without Blender."""


def register() -> None:
    from . import addon

    addon.register()


def unregister() -> None:
    from . import addon

    addon.unregister()
