"""The older name, whose classes are others."""


class Callback: ...
