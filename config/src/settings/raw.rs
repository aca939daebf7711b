//! What may stand in the file? The keys and their types, nothing more.

use serde::Deserialize;
use toml::Spanned;

use super::timeouts::RawTimeouts;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub(super) struct RawSettings {
    pub(super) eal: Option<Spanned<RawEal>>,
    pub(super) workers: RawWorkers,
    #[serde(rename = "wire")]
    pub(super) wires: Vec<Spanned<RawWire>>,
    pub(super) rules: Option<Spanned<RawRules>>,
    pub(super) conntrack: RawConntrack,
}

/// `[eal]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case", expecting = "a table")]
pub(super) struct RawEal {
    pub(super) memory: Option<Spanned<String>>,
    pub(super) huge_pages: Option<bool>,
    pub(super) lcores: Option<Spanned<String>>,
    pub(super) devices: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) file_prefix: Option<Spanned<String>>,
    pub(super) extra: Vec<Spanned<String>>,
}

/// `[workers]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub(super) struct RawWorkers {
    pub(super) count: Option<Spanned<i64>>,
    pub(super) flows: Option<Spanned<i64>>,
}

/// `[[wire]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub(super) struct RawWire {
    pub(super) name: Option<Spanned<String>>,
    pub(super) role: Option<Spanned<String>>,
    pub(super) outside: Option<Spanned<String>>,
    pub(super) inside: Option<Spanned<String>>,
    pub(super) interface: Option<Spanned<String>>,
    pub(super) ports: Option<Spanned<Vec<Spanned<String>>>>,
}

/// `[rules]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case", expecting = "a table")]
pub(super) struct RawRules {
    pub(super) files: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) leave_out: Vec<Spanned<String>>,
}

/// `[conntrack]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case", expecting = "a table")]
pub(super) struct RawConntrack {
    pub(super) tcp_loose: bool,
    pub(super) timeouts: RawTimeouts,
}
