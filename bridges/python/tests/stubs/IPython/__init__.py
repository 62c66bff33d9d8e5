"""What the magic sees of IPython: a shell that runs cells with magics, and shows values."""

class Shell:
    """Names as in InteractiveShell."""

    execution_count = 1

    def __init__(self):
        self.user_ns = self.user_global_ns = {"__name__": "__main__"}
        self.magics = {}
        self.compile = self

    def register_magic_function(self, func, magic_kind="line", magic_name=None):
        self.magics[magic_kind, magic_name or func.__name__] = func

    def transform_cell(self, raw_cell):
        return raw_cell

    def transform_ast(self, node):
        return node

    def cache(self, transformed_code, number=0, raw_code=None):
        return f"<cell {number}>"

    def run_cell_magic(self, name, line, cell):
        return self.magics["cell", name](line, cell)
