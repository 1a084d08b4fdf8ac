"""A loaded library: its constants, structs and calls as the facts of its header tell them."""
import ctypes

from .header import PLAIN, structures


class Refused(ValueError):
    """What the library refused: str() is its sentence, .status its ag_status."""

    __module__ = "attnguide"

    def __init__(self, sentence, status=0):
        super().__init__(sentence)
        self.status = status


def text(pointer):
    """A C string member; None for NULL."""
    return ctypes.string_at(pointer).decode() if pointer else None


class Library:
    """Constants and structs are attributes under their C names; .c holds the calls."""

    def __init__(self, path, facts):
        self.c = ctypes.CDLL(path)
        self.enums = facts["enums"]
        for name, value in facts["numbers"].items():
            setattr(self, name, value)
        made = structures(facts)
        for name, struct in made.items():
            setattr(self, name, struct)
        types = {**PLAIN, **made}
        for name, result, arguments in facts["calls"]:
            call = getattr(self.c, name)
            call.restype = types[result]
            call.argtypes = [types[kind] for kind in arguments]

    def new(self, struct, *arguments):
        """A struct as its own init function makes it: that of the header is inline, and hands its size to this one."""
        made = getattr(self, struct)()
        getattr(self.c, struct + "_init_sized")(ctypes.byref(made), ctypes.sizeof(made), *arguments)
        return made

    def call(self, name, *arguments):
        """A call that ends in (char *why, size_t why_size)."""
        why = ctypes.create_string_buffer(self.AG_MESSAGE_SIZE)
        status = getattr(self.c, name)(*arguments, why, len(why))
        if status:
            raise Refused(why.value.decode(), status)

    def words(self, enum, prefix="AG_"):
        """The numbers of an enum by their names in lower case, without the prefix."""
        return {name[len(prefix):].lower(): getattr(self, name) for name in self.enums[enum]}

    def entries(self, struct, call, *arguments):
        """What ag_..._at(arguments, i) tells, for each i."""
        at = 0
        while True:
            info = self.new(struct)
            if getattr(self.c, call)(*arguments, at, ctypes.byref(info)):
                return
            yield info
            at += 1

    def methods(self):
        """ag_method_info of each method by name, of those with several kinds by the kind's."""
        return {text(info.variant) or text(info.name): info for info in self.entries("ag_method_info", "ag_method_at")}

    def method_parameters(self, number):
        """ag_parameter_info of what method number `number` takes."""
        return list(self.entries("ag_parameter_info", "ag_parameter_at", number))

    def parameters(self, number):
        """Names of what method number `number` takes of ag_row."""
        return [text(info.name) for info in self.method_parameters(number) if not info.at_run]

    def rules(self):
        """ag_rule_info of each rule."""
        return list(self.entries("ag_rule_info", "ag_rule_at"))

    def rule_parameters(self, rule):
        """ag_parameter_info of each parameter of a rule."""
        return list(self.entries("ag_parameter_info", "ag_rule_parameter_at", rule))

    def kernels(self):
        """ag_kernel_info of each kernel, in the order in which they are tried."""
        return self.entries("ag_kernel_info", "ag_kernel_at")

    def backends(self):
        """ag_kernel_info of each backend."""
        return self.entries("ag_kernel_info", "ag_backend_at")
