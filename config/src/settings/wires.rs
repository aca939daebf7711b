//! Do the wires make sense? Each has a role, its own name, and two ports that no other wire uses.

use std::collections::BTreeSet;

use toml::Spanned;

use super::eal::pci_address;
use super::problem::Found;
use super::raw::RawWire;
use super::{Device, Role, Wire};
use crate::suggestion::nearest;

/// The valid ones of `raw`, with complaints about the others. `devices`, if they are known, are the ports
/// there are.
pub(super) fn wires(raw: Vec<Spanned<RawWire>>, devices: Option<&[Device]>, found: &mut Found) -> Vec<Wire> {
    if raw.is_empty() {
        found.missing(0..0, "wire", "");
    }
    let mut names = BTreeSet::new();
    let mut ports = Ports { devices, used: BTreeSet::new() };
    let mut wires = Vec::new();
    for (index, table) in raw.into_iter().enumerate() {
        let span = table.span();
        let wire = table.into_inner();
        let path = format!("wire.{index}");
        for (key, value) in
            [("name", &wire.name), ("role", &wire.role), ("outside", &wire.outside), ("inside", &wire.inside)]
        {
            if value.is_none() {
                found.missing(span.clone(), &path, key);
            }
        }
        let role = role(&wire, found);
        let name = wire.name.map(|name| unique(name, &mut names, found));
        let outside = wire.outside.map(|port| ports.take(port, "outside", found));
        let inside = wire.inside.map(|port| ports.take(port, "inside", found));
        if let (Some(name), Some(role), Some(outside), Some(inside)) = (name, role, outside, inside) {
            wires.push(Wire { name, role, outside, inside });
        }
    }
    wires
}

fn unique(name: Spanned<String>, names: &mut BTreeSet<String>, found: &mut Found) -> String {
    let span = name.span();
    let name = name.into_inner();
    if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_control()) {
        found.add(span.clone(), "`wire.name`: must be one word");
    }
    if !names.insert(name.clone()) {
        found.add(span, format!("`wire.name`: another wire is called `{name}`"));
    }
    name
}

fn role(wire: &RawWire, found: &mut Found) -> Option<Role> {
    let role = wire.role.as_ref()?;
    match role.get_ref().as_str() {
        "guard" => {
            if let Some(ports) = &wire.ports {
                let message = "`wire.ports`: only a wire in role `transit` has it";
                found.add_help(ports.span(), message, "role `guard` has `interface`");
            }
            let interface = wire.interface.as_ref().map_or("eth0", |name| {
                interface(name, "wire.interface", found);
                name.get_ref()
            });
            Some(Role::Guard { interface: interface.to_owned() })
        }
        "transit" => {
            if let Some(name) = &wire.interface {
                let message = "`wire.interface`: only a wire in role `guard` has it";
                found.add_help(name.span(), message, "role `transit` has `ports`");
            }
            transit(wire.ports.as_ref(), found)
        }
        other => {
            let message = format!("`wire.role`: unknown role `{other}`");
            let help = match nearest(other, ["guard", "transit"]) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "a role is `guard` or `transit`".to_owned(),
            };
            found.add_help(role.span(), message, help);
            None
        }
    }
}

fn transit(ports: Option<&Spanned<Vec<Spanned<String>>>>, found: &mut Found) -> Option<Role> {
    let Some(ports) = ports else {
        return Some(Role::Transit { outside: "outside".to_owned(), inside: "inside".to_owned() });
    };
    let [outside, inside] = ports.get_ref().as_slice() else {
        let message = "`wire.ports`: must be two names, of the outside and of the inside port";
        found.add(ports.span(), message);
        return None;
    };
    interface(outside, "wire.ports", found);
    interface(inside, "wire.ports", found);
    if outside.get_ref() == inside.get_ref() {
        found.add(inside.span(), "`wire.ports`: the two names must differ");
    }
    Some(Role::Transit { outside: outside.get_ref().clone(), inside: inside.get_ref().clone() })
}

/// What the kernel allows as the name of an interface.
fn interface(name: &Spanned<String>, key: &str, found: &mut Found) {
    let text = name.get_ref().as_str();
    let bad = |c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control();
    if text.is_empty() || text.len() > 15 || text == "." || text == ".." || text.contains(bad) {
        let message = format!("`{key}`: `{text}` cannot be the name of an interface");
        found.add_help(name.span(), message, "at most 15 bytes, no spaces, `/` or `:`");
    }
}

/// The ports there are, and those that wires use.
struct Ports<'a> {
    devices: Option<&'a [Device]>,
    used: BTreeSet<String>,
}

impl Ports<'_> {
    /// The DPDK name of `port`, which no other side of a wire may use.
    fn take(&mut self, port: Spanned<String>, key: &str, found: &mut Found) -> String {
        let span = port.span();
        let name = pci_address(port.get_ref()).unwrap_or_else(|| port.into_inner());
        if let Some(devices) = self.devices
            && devices.iter().all(|device| device.name() != name)
        {
            let message = format!("`wire.{key}`: `{name}` is none of `eal.devices`");
            let near = match pci_address(&name) {
                Some(_) => None,
                None => nearest(&name, devices.iter().map(Device::name)),
            };
            match near {
                Some(near) => found.add_help(span.clone(), message, format!("did you mean `{near}`?")),
                None => found.add(span.clone(), message),
            }
        }
        if !self.used.insert(name.clone()) {
            found.add(span, format!("`wire.{key}`: port `{name}` is used twice"));
        }
        name
    }
}
