"""`NetworkModule`: the parameters of a network as torch's, so that they can be learned."""

from typing import Any

import torch
from torch import Tensor, nn

from phonodos.errors import WeightsError
from phonodos.model.network import Network, NetworkConfig
from phonodos.model.parameters import Fixed, Normal, Parameter, Uniform, misfit, registered


class NetworkModule(nn.Module):
    """The parameters of a configuration, drawn from torch's global generator.

    They are registered under the names of the weight file: modules stand for what is before the
    dots. What is computed is the `Network`.
    """

    def __init__(self, network: type[Network], config: NetworkConfig) -> None:
        super().__init__()
        self.network, self.config = network, config
        table = network.table(config)
        values = {line.name: _drawn(line) for line in table}
        for line in registered(table):
            _register(self, line, values[line.name])

    def flat(self) -> dict[str, Tensor]:
        """Return parameters and buffers by their names."""
        return dict(self.named_parameters()) | dict(self.named_buffers())

    def forward(self, crystals: Any) -> Any:
        """Return what the network says of a batch; gradients reach the parameters."""
        return self.network(self.config, self.flat())(crystals)

    def frozen(self) -> Network:
        """Return the network as it is now, in arrays of NumPy."""
        arrays = {name: x.detach().cpu().numpy().copy() for name, x in self.flat().items()}
        return self.network(self.config, arrays)

    @torch.no_grad()
    def fill(self, network: Network) -> None:
        """Take over the parameters of a network in arrays of NumPy.

        Raises
        ------
        WeightsError
            If they are not those of this configuration.
        """
        own = self.flat()
        if found := misfit(self.network.table(self.config), network.parameters):
            raise WeightsError(
                "the weights do not fit the network of the configuration",
                found,
                "choose other weights, or the settings that phonodos models show prints",
            )
        for name, values in network.parameters.items():
            own[name].copy_(torch.from_numpy(values))


def _register(module: nn.Module, line: Parameter, values: Tensor) -> None:
    *places, name = line.name.split(".")
    for place in places:
        if not hasattr(module, place):
            module.add_module(place, nn.Module())
        module = module.get_submodule(place)
    if isinstance(line.rule, Fixed):
        module.register_buffer(name, values)
    else:
        module.register_parameter(name, nn.Parameter(values))


def _drawn(line: Parameter) -> Tensor:
    match line.rule:
        case Fixed(values):
            return torch.from_numpy(values).to(torch.get_default_dtype())
        case Normal(width):
            return torch.randn(line.shape) * width
        case Uniform(bound):
            return torch.empty(line.shape).uniform_(-bound, bound)
