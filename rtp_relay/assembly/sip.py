"""The SIP door as configured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import ip_address, ip_network

from actors.directory import Directory
from actors.node_table import NodeTable
from actors.sip_requests import SipOutlet
from engines.health import AdminState
from engines.set_names import SetNames
from engines.sets import EVERY_SET
from gateways.handoff.mesh import Mesh
from gateways.sip.addresses import SipTransport
from gateways.sip.door import SipDoor, SipSettings
from gateways.sip.proxy.settings import ProxySettings
from gateways.sip.routing.access import THIS_MACHINE, Access, Network
from gateways.sip.script.script import DefaultScript, Routing, Script, ScriptError
from gateways.sip.transactions.timers import Timers
from gateways.sip.transport.settings import Listen, Tap, TransportSettings
from rtp_relay.assembly.errors import StartError, UnusableError
from rtp_relay.config import HostPort, SipConfig


async def open_sip_door(
    config: SipConfig,
    sets: SetNames,
    routing: Routing,
    directory: Directory,
    outlet: SipOutlet,
    *,
    now: Callable[[], int],
    ready: Callable[[], bool],
    mesh: Mesh | None = None,
    tap: Tap | None = None,
) -> SipDoor:
    """Open the SIP door. Raises StartError for an address or a file that cannot be used."""
    settings = _settings(config, sets, tap)
    door = SipDoor(settings, routing, calls=directory, outlet=outlet, now=now, ready=ready, mesh=mesh)
    try:
        await door.open()
    except (OSError, ValueError) as error:
        await door.close(0)
        why = (isinstance(error, OSError) and error.strerror) or error
        raise StartError(f"the SIP door cannot listen on {why}") from error
    return door


def load_routing(config: SipConfig, nodes: NodeTable) -> Routing:
    """Run the routing script; without one, give what is done then. Raises UnusableError."""
    if config.script is None:
        next_hop = None if config.next_hop is None else str(config.next_hop)
        return DefaultScript(config.engine or _engine_of(config.set, nodes), config.set, next_hop)
    try:
        return Script.load(config.script, timeout=config.script_timeout)
    except ScriptError as error:
        raise UnusableError(f"sip.script: {error}") from error


def default_routing(config: SipConfig, nodes: NodeTable) -> Routing | None:
    """Return what is done without a script with the nodes that there are by now; None if that stays as it was.

    It stays where a script or the configuration says the engine, and where no node is left that has one: a call must
    not go without a relay because of that.
    """
    if config.script is not None or config.engine or not _engine_of(config.set, nodes):
        return None
    return load_routing(config, nodes)


def _engine_of(group: str, nodes: NodeTable) -> str:
    """Return the engine of a set's first node that is to get new calls, or else of any that it has."""
    fit = [node for node in nodes.all() if node.spec.set in (group, EVERY_SET)]
    fit.sort(key=lambda node: (node.spec.set != group, node.gone or node.health.admin is not AdminState.ACTIVE))
    return fit[0].spec.engine if fit else ""


def _settings(config: SipConfig, sets: SetNames, tap: Tap | None) -> SipSettings:
    return SipSettings(
        transport=TransportSettings(
            listen=[
                Listen(SipTransport(address.transport), address.host, address.port, _advertised(config, address.port))
                for address in config.listen
            ],
            certificate=config.certificate,
            key=config.key,
            ca=config.ca,
            verify=config.verify,
            client_certificates=config.client_certificates,
            max_connections=config.max_connections,
            idle_timeout=config.idle_timeout,
            tap=tap,
        ),
        proxy=ProxySettings(
            aliases=_texts(config.aliases),
            second_record_routes=_texts(config.second_record_routes),
            timer_c=config.timer_c,
            max_setups=config.max_setups,
            max_delay=config.max_delay,
        ),
        timers=Timers(t1=config.t1, t2=8 * config.t1, t4=10 * config.t1, c=config.timer_c + 1),
        max_transactions=config.max_transactions,
        nameservers=config.nameservers or None,
        access=access_of(config),
        sets=sets,
    )


def access_of(config: SipConfig) -> Access:
    """Return who may use the door, and for what: anybody where a script or a next hop decides, else this machine."""
    if config.script is not None:
        return Access(allow=config.allow, relay_to=None)
    if config.next_hop is not None:
        next_hop = config.next_hop.host.lower()
        places = (*(config.relay_to or ()), _network(next_hop) or next_hop)
        return Access(allow=config.allow, relay_to=places, has_next_hop=True)
    here = (*THIS_MACHINE, *_own_networks(config))
    allow = here if config.allow is None else config.allow
    return Access(allow=allow, relay_to=(*here, "localhost") if config.relay_to is None else config.relay_to)


def _own_networks(config: SipConfig) -> list[Network]:
    hosts = [ip_address(address.host) for address in config.listen]
    return [ip_network(host) for host in hosts if not host.is_unspecified]


def _network(host: str) -> Network | None:
    try:
        return ip_network(host.strip("[]"))
    except ValueError:
        return None


def _advertised(config: SipConfig, port: int) -> tuple[str, int] | None:
    advertise = config.advertise
    return None if advertise is None else (advertise.host, advertise.port or port)


def _texts(addresses: Sequence[HostPort]) -> list[str]:
    return [str(address) for address in addresses]
