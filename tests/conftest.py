"""What all tests share."""

from hypothesis import settings

settings.register_profile("strongroom", deadline=None)
settings.load_profile("strongroom")
