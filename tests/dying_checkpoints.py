"""A process that is killed between two checkpoints, without a process."""


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


class Dying:
    """Checkpoints of a process that dies when it should write a certain one."""

    def __init__(self, checkpoints, last):
        self.checkpoints, self.left = checkpoints, last
        self.latest = checkpoints.latest

    def save(self, step, tensors, facts):
        if self.left == 0:
            raise Killed
        self.left -= 1
        self.checkpoints.save(step, tensors, facts)
