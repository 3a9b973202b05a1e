"""What all tests share: properties try the same examples every time, however slow the machine.

`pytest --hypothesis-profile search` looks for new ones.
"""

from hypothesis import settings

settings.register_profile("strongroom", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile("strongroom")
