"""Ground floor: what every part of the package may use. Nothing here imports a third-party package."""
